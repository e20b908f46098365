"""Measures: what the score of a prompt is, cell by cell; lower is better, and each cell is paid for once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from pmpo.optim.meter import LossTable, Meter
from pmpo.optim.ports import Grader
from pmpo.optim.types import Example


class Measure(Protocol):
    """Fills a table of (prompt, example) cells on one set of examples."""

    @property
    def table(self) -> LossTable:
        """Known cells: a row a prompt, NaN where not measured."""
        ...

    async def measure(self, prompts: Sequence[str], positions: Sequence[int] | None = None) -> None:
        """Fill the cells at ``positions`` (all when None) that are not known. Raises BudgetExhaustedError."""
        ...

    def fitness(self, score: float) -> float:
        """From 0 to 1, higher is better: what a rival that wants scores to rise is told."""
        ...


class LossMeasure:
    """The job's objective, by the scorer. Fitness is exp(-loss): under ``token_mean`` the geometric mean probability
    of a target token; under ``token_sum`` it is next to 0 for long targets, and roulettes and percentages get blunt.
    """

    def __init__(self, meter: Meter, table: LossTable) -> None:
        self._meter = meter
        self._table = table

    @property
    def table(self) -> LossTable:
        """See ``Measure.table``; nats."""
        return self._table

    async def measure(self, prompts: Sequence[str], positions: Sequence[int] | None = None) -> None:
        """One call of the scorer for all prompts."""
        await self._meter.measure(self._table, prompts, positions)

    def fitness(self, score: float) -> float:
        """exp(-loss), at most 1."""
        return min(1.0, math.exp(-score))


class ErrorMeasure:
    """Execution accuracy: 1 minus the grade of the target model's greedy answer. Example weights do not count."""

    def __init__(self, meter: Meter, examples: Sequence[Example], grader: Grader, max_tokens: int) -> None:
        self._meter = meter
        self._table = LossTable([replace(example, weight=1.0) for example in examples])
        self._grader = grader
        self._max_tokens = max_tokens

    @property
    def table(self) -> LossTable:
        """See ``Measure.table``; 0.0 is right, 1.0 is wrong."""
        return self._table

    async def measure(self, prompts: Sequence[str], positions: Sequence[int] | None = None) -> None:
        """One call of the target model for each prompt: the reservation of an answer is far above its usual length."""
        for prompt in dict.fromkeys(prompts):
            row = self._table.row(prompt)
            where = range(len(row)) if positions is None else positions
            todo = [position for position in where if np.isnan(row[position])]
            if not todo:
                continue
            answers = await self._meter.answers(prompt, self._table, self._max_tokens, todo)
            for position, completions in zip(todo, answers, strict=True):
                row[position] = 1.0 - self._grader.grade(self._table.examples[position], completions[0].text)

    def fitness(self, score: float) -> float:
        """Accuracy."""
        return 1.0 - score
