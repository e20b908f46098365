import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from benchmarks.engine import Spending
from benchmarks.jobs import JobData
from benchmarks.optimizing.contestants import contestants
from benchmarks.optimizing.trial import run_trial
from benchmarks.selecting.pool import evenly, record_pool
from pmpo.optim.losses import Supervised
from pmpo.optim.types import Completion, Example, GenerationRequest, Scores, Splits
from pmpo.testing.ports import ExactGrader, FakeScorer, ScriptedGenerator, phrase_rewriter

PHRASES = ["Name the city.", "Be brief.", "Use brackets."]
ROWS = tuple(Example(index, f"text number {index}", (f"answer {index}",)) for index in range(16))
DATA = JobData("Do the task.", Splits(ROWS[:8], ROWS[8:12], ROWS[12:]), ExactGrader(), Supervised())


@dataclass
class FakeEngine:
    """The ports of an engine over fakes; every call takes a second."""

    scorer: FakeScorer = field(default_factory=lambda: FakeScorer(dict.fromkeys(PHRASES, 0.5)))
    writer: ScriptedGenerator = field(default_factory=lambda: ScriptedGenerator(phrase_rewriter(PHRASES)))
    spent: Spending = field(default_factory=Spending)

    def elapsed_s(self) -> float:
        return self.spent.seconds

    def reset(self) -> None:
        self.spent = Spending()

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        self.spent.seconds += 1
        return await self.scorer.score(prompts, examples)

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        return await self.scorer.num_scored_tokens(prompts, examples)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self.scorer.count_tokens(texts)

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        self.spent.seconds += 1
        return await self.writer.generate(requests)


def trial(name: str, cap_s: float = 30.0) -> dict[str, Any]:
    engine: Any = FakeEngine()
    return asyncio.run(run_trial(engine, contestants()[name], DATA, cap_s=cap_s, seed=1))


@pytest.mark.parametrize("name", contestants())
def test_every_contestant_starts_from_the_seed_prompt_and_stops(name: str) -> None:
    found = trial(name)
    seconds = [step["seconds"] for step in found["steps"]]
    assert found["steps"][0]["prompt"] == DATA.prompt
    assert seconds[0] == 0.0
    assert seconds == sorted(seconds)
    assert found["rounds"] >= 1


@pytest.mark.parametrize("name", ["pmpo", "pmpo without mask analysis", "pmpo without hard examples"])
def test_pmpo_finds_the_phrases_with_and_without_its_parts(name: str) -> None:
    assert set(PHRASES) & {phrase for phrase in PHRASES if phrase in trial(name)["steps"][-1]["prompt"]}


def test_without_mask_analysis_no_unit_is_shown_to_the_rewriter() -> None:
    shown = {}
    for name in ("pmpo", "pmpo without mask analysis"):
        engine: Any = FakeEngine()
        asyncio.run(run_trial(engine, contestants()[name], DATA, cap_s=30.0, seed=1))
        texts = [request.messages[-1].content for request in engine.writer.requests if request.num_samples > 1]
        shown[name] = any("Parts:" in text for text in texts)
    assert shown == {"pmpo": True, "pmpo without mask analysis": False}


def test_the_cap_ends_a_run() -> None:
    assert trial("pmpo", cap_s=5.0)["total"]["seconds"] < trial("pmpo", cap_s=30.0)["total"]["seconds"]


def test_a_pool_begins_with_the_seed_prompt_and_holds_no_prompt_twice() -> None:
    engine: Any = FakeEngine()
    pool = asyncio.run(record_pool(engine, DATA, num_prompts=5, num_rounds=4, seed=0))
    assert pool[0] == DATA.prompt
    assert 2 <= len(set(pool)) == len(pool) <= 5


def test_evenly_keeps_order_and_spread() -> None:
    assert evenly(list("abcdefgh"), 4) == list("aceg")
    assert evenly(list("ab"), 4) == list("ab")
