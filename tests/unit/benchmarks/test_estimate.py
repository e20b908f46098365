"""The benchmark of estimates: it runs jobs to their end, counts what they used, and compares it as it says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engine import Spending
from benchmarks.estimating.comparison import BundledJob, bundled_jobs, compare, estimated, run_to_the_end, summary
from pmpo.contracts.jobs import JobSpec
from pmpo.optim.types import Completion, Example, GenerationRequest, Scores
from pmpo.testing.ports import FakeScorer, ScriptedGenerator, phrase_rewriter
from services.bundled import examples_dir

PHRASES = ["Name the city.", "Be brief.", "Use brackets.", "Reply in capitals.", "Take one line."]
ROWS = [{"input": f"text number {row}", "target": f"answer {row}"} for row in range(40)]
JOB = JobSpec.model_validate(
    {
        "prompt": "Do the task.",
        "dataset": {"train": ROWS},
        "optimizer": {"iterations": 4, "patience": 1, "target_loss": 5.0},
        "budget": {"seconds": 1.0},
    }
)


@dataclass
class FakeEngine:
    """The ports of an engine over fakes, which answer everything right at once."""

    scorer: FakeScorer = field(default_factory=lambda: FakeScorer(dict.fromkeys(PHRASES, 0.5)))
    writer: ScriptedGenerator = field(default_factory=lambda: ScriptedGenerator(phrase_rewriter(PHRASES)))
    spent: Spending = field(default_factory=Spending)

    def elapsed_s(self) -> float:
        return 0.0

    def reset(self) -> None:
        self.spent = Spending()

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        return await self.scorer.score(prompts, examples)

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        return await self.scorer.num_scored_tokens(prompts, examples)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self.scorer.count_tokens(texts)

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        return await self.writer.generate(requests)


def test_a_run_goes_through_all_rounds_and_every_token_is_in_its_place() -> None:
    engine: Any = FakeEngine()
    used = asyncio.run(run_to_the_end(engine, JOB))
    assert used["rounds"] == 4
    assert sum(used["scored_on"].values()) == used["scored_tokens"] == engine.scorer.num_scored
    assert sum(used["written"].values()) == used["generated_tokens"] == engine.writer.num_generated
    assert min(used["scored_on"].values()) > 0
    assert 0 < used["usable_rewrites"] <= 1
    assert len(used["units"]) in (used["accepted"], used["accepted"] + 1)


def test_an_estimate_is_compared_with_the_use() -> None:
    engine: Any = FakeEngine()
    told = asyncio.run(estimated(engine, JOB))
    expected = told.scored_tokens.expected
    found = compare(told, {"scored_tokens": expected * 2, "generated_tokens": told.generated_tokens.expected})
    assert found["errors"] == {"scored_tokens": pytest.approx(-0.5), "generated_tokens": 0.0}
    assert found["estimate"]["scored_tokens"] == told.scored_tokens.model_dump()


def _run(expected: int, used: int) -> dict[str, Any]:
    kinds = ("scored_tokens", "generated_tokens")
    return {
        "estimate": {kind: {"low": expected // 2, "expected": expected, "high": expected * 2} for kind in kinds},
        "used": dict.fromkeys(kinds, used),
        "errors": dict.fromkeys(kinds, expected / used - 1),
    }


def test_a_job_is_judged_by_the_mean_of_its_runs() -> None:
    found = summary([_run(100, 100), _run(100, 140)])
    assert found["errors"]["scored_tokens"] == pytest.approx(100 / 120 - 1)
    assert (found["is_within"], found["runs_within"], found["runs_between_low_and_high"]) == (True, 1, 2)
    assert not summary([_run(100, 140), _run(100, 300)])["is_within"]


def test_jobs_without_data_or_estimate_are_left_out_in_a_sentence_without_paths(tmp_path: Path) -> None:
    found = list(bundled_jobs(examples_dir(), tmp_path))
    jobs = [job.name for job in found if isinstance(job, BundledJob)]
    sentences = [job for job in found if isinstance(job, str)]
    assert {"review-city", "polite-reply", "ticket-intent", "ticket-product"} <= set(jobs)
    assert "bbh-navigate is left out: its data is not under PMPO_DATA_DIR" in sentences
    assert all("/" not in sentence for sentence in sentences)


def test_a_seed_changes_what_is_drawn_and_not_the_data() -> None:
    job = BundledJob("j", JOB)
    assert job.with_seed(3).seed == 3
    assert job.with_seed(3).dataset == JOB.dataset
    assert job.digest == BundledJob("k", JOB).digest != BundledJob("j", job.with_seed(3)).digest
