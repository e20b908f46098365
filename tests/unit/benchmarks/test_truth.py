import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.jobs import JobData
from benchmarks.selecting.truth import measure_truth
from pmpo.optim.losses import Supervised
from pmpo.optim.preference import Preference
from pmpo.optim.types import Completion, Example, GenerationRequest, ModelIdentity, Scores, Splits
from pmpo.testing.ports import ExactGrader

PAIRS = tuple(Example(index, f"in {index}", ("good answer", "bad")) for index in range(4))
TARGETS = tuple(Example(index, f"in {index}", ("good",)) for index in range(4))
# Nats a token of the chosen and the rejected answer, by prompt.
COSTS = {"polite": (1.0, 2.0), "rude": (2.0, 1.0)}


class Engine:
    """Answers ``good`` under the polite prompt; scores by COSTS."""

    num_generated = 0

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        lengths = [len(target.split()) for target in examples[0].targets]
        rows = tuple(
            tuple(tuple(-COSTS[prompt][place] * length for place, length in enumerate(lengths)) for _ in examples)
            for prompt in prompts
        )
        counts = tuple(tuple(tuple(lengths) for _ in examples) for _ in prompts)
        return Scores(rows, counts, 1, 1, ModelIdentity("fake", "0", "float32", "fake"))

    async def generate_all(self, batches: Sequence[Sequence[GenerationRequest]]) -> list[list[list[Completion]]]:
        self.num_generated += sum(map(len, batches))
        return [
            [[Completion("good" if request.messages[0].content == "polite" else "bad", 1, "stop")] for request in batch]
            for batch in batches
        ]


def truth(rows: tuple[Example, ...], objective: Any) -> tuple[dict[str, Any], Engine]:
    engine = Engine()
    data = JobData("polite", Splits(rows[:1], rows[1:2], rows), ExactGrader(), objective)
    measured: Any = engine
    return asyncio.run(measure_truth(measured, data, ["polite", "rude"])), engine


def test_accuracy_of_targets_is_that_of_real_answers() -> None:
    found, engine = truth(TARGETS, Supervised())
    assert (found["accuracy"], found["loss"], found["num_test"]) == ([1.0, 0.0], [1.0, 2.0], 4)
    assert engine.num_generated == 8


def test_accuracy_of_pairs_is_the_share_that_is_won_and_nothing_is_generated() -> None:
    found, engine = truth(PAIRS, Preference("mean_margin"))
    assert found["accuracy"] == [1.0, 0.0]
    assert found["loss"] == pytest.approx([0.31326, 1.31326])
    assert found["losses"][0] == pytest.approx([0.31326] * 4)
    assert engine.num_generated == 0
