"""What is known of a pool on the training examples: everything that any policy could ask, measured once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine import Engine
from benchmarks.jobs import JobData
from pmpo.optim.answers import answer_requests

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Known:
    """C candidates, N training examples.

    Attributes:
        losses: (C, N) nats, by the job's objective.
        errors: (C, N) 1 minus the grade of the greedy answer.
        item_tokens: (C, N) scored tokens: context plus target.
        shared_tokens: (C,) tokens that all items of a candidate begin with, which one call computes once.
        prompt_tokens: (C, N) tokens before the answer.
        answer_tokens: (C, N) generated tokens of the greedy answer.
    """

    losses: Floats
    errors: Floats
    item_tokens: Floats
    shared_tokens: Floats
    prompt_tokens: Floats
    answer_tokens: Floats

    @property
    def num_candidates(self) -> int:
        """C."""
        return len(self.losses)

    @property
    def num_examples(self) -> int:
        """N."""
        return len(self.losses[0])

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Known:
        """From a cell."""
        return cls(**{name: np.array(plain[name], dtype=np.float64) for name in cls.__slots__})


def block(table: Floats, candidates: Sequence[int], examples: Sequence[int]) -> Floats:
    """(candidates, examples) part of a (C, N) table."""
    rows, columns = np.array(candidates, dtype=np.int64), np.array(examples, dtype=np.int64)
    return table[rows[:, None], columns]


async def measure_known(engine: Engine, data: JobData, prompts: Sequence[str]) -> dict[str, Any]:
    """All cells of the training examples, as plain values; one call a candidate, so that its shared tokens show."""
    rows: dict[str, list[Any]] = {name: [] for name in Known.__slots__}
    train = data.splits.train
    counts = await engine.num_scored_tokens(prompts, train)
    for prompt, items in zip(prompts, counts, strict=True):
        scores = await engine.score([prompt], train)
        rows["losses"].append([round(float(loss), 5) for loss in data.objective.losses(scores, train)[0]])
        rows["item_tokens"].append(items)
        rows["shared_tokens"].append(max(0, scores.scored_tokens - scores.computed_tokens) // max(1, len(train) - 1))
    requests = [answer_requests(prompt, train, data.max_answer_tokens) for prompt in prompts]
    for batch in await engine.generate_all(requests):
        answers = [row[0] for row in batch]
        grades = [data.grader.grade(example, answer.text) for example, answer in zip(train, answers, strict=True)]
        rows["errors"].append([1.0 - grade for grade in grades])
        rows["prompt_tokens"].append([answer.num_prompt_tokens for answer in answers])
        rows["answer_tokens"].append([answer.num_tokens for answer in answers])
    return rows
