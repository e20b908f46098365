"""Requests in the batcher: what is left to take, what has been found, and the future that is settled with it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pmpo.errors import PmpoError
from services.scorer.batcher.items import PreparedItems
from services.scorer.engines.base import FloatArray, ScoredItems, TokenItem, check_finite
from services.scorer.generation.types import RowKey, Sample, SamplingRequest, SamplingRow

T = TypeVar("T")
_numbers = itertools.count()


@dataclass(slots=True, eq=False)
class Stopwatch:
    """Seconds that a request waited for its first round, and seconds of the rounds that it was part of."""

    queued_at: float
    queue_s: float | None = None
    compute_s: float = 0.0

    def note(self, started_at: float, ended_at: float) -> None:
        """Add one round (monotonic clock)."""
        if self.queue_s is None:
            self.queue_s = started_at - self.queued_at
        self.compute_s += ended_at - started_at


@dataclass(slots=True, eq=False)
class Work(Generic[T]):
    """A request that somebody waits for."""

    job: str
    future: asyncio.Future[T]
    stopwatch: Stopwatch

    @property
    def is_over(self) -> bool:
        """Whether it is answered, or nobody waits for the answer any more."""
        return self.future.done()

    def fail(self, error: PmpoError) -> None:
        """Answer with an error of its own: one exception object must not be raised in several tasks."""
        if not self.future.done():
            self.future.set_exception(type(error)(error.message, retry_after_s=error.retry_after_s))


@dataclass(slots=True, eq=False)
class ScoreWork(Work[ScoredItems]):
    """A scoring request. Its items are taken in order and may be found in any order.

    Attributes:
        position: the first item that is not taken.
        found: scores by item, None where they are not known yet.
        computed: tokens that the engine ran for each item.
        cached_tokens: context plus target tokens of the items whose scores were remembered.
    """

    prepared: PreparedItems
    position: int = 0
    found: list[FloatArray | None] = field(init=False)
    computed: list[int] = field(init=False)
    num_missing: int = field(init=False)
    cached_tokens: int = 0

    def __post_init__(self) -> None:
        """Nothing is found yet."""
        self.num_missing = len(self.prepared.items)
        self.found = [None] * self.num_missing
        self.computed = [0] * self.num_missing

    @property
    def is_taken(self) -> bool:
        """See ``Queued``."""
        return self.is_over or self.position >= len(self.found)

    @property
    def next_cost(self) -> int:
        """What the next item adds to a round that holds the one before it."""
        return self.prepared.costs[self.position]

    @property
    def num_tokens(self) -> int:
        """Context plus target tokens of all items."""
        return self.prepared.num_tokens

    def take(self) -> int:
        """The index of the next item, which is now taken."""
        self.position += 1
        return self.position - 1

    def item(self, index: int) -> TokenItem:
        """One item."""
        return self.prepared.items[index]

    def key(self, index: int) -> bytes | None:
        """What an item's scores are remembered under; None where nothing is remembered."""
        return self.prepared.keys[index] if self.prepared.keys else None

    def add(self, index: int, values: FloatArray, computed_tokens: int) -> None:
        """Take the scores of one item; the last one settles the future."""
        if self.found[index] is None:
            self.num_missing -= 1
        self.found[index] = values
        self.computed[index] = computed_tokens
        if not self.num_missing and not self.future.done():
            self._settle()

    def _settle(self) -> None:
        found = tuple(values for values in self.found if values is not None)
        try:
            check_finite(found)
        except PmpoError as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(ScoredItems(found, tuple(self.computed)))


@dataclass(slots=True, eq=False)
class SampleWork(Work[tuple[Sample, ...]]):
    """A request for sampled answers. Its rows, one a sample, are taken in order and end in any order.

    Attributes:
        runs_alone: whether its rows may be in a batch with its own rows only.
        was_redone: whether it has been started again after a failure.
    """

    request: SamplingRequest
    runs_alone: bool = False
    was_redone: bool = False
    position: int = 0
    number: int = field(default_factory=lambda: next(_numbers))
    samples: list[Sample | None] = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is drawn yet."""
        self.samples = [None] * self.request.num_samples

    @property
    def is_taken(self) -> bool:
        """See ``Queued``."""
        return self.is_over or self.position >= self.request.num_samples

    @property
    def next_cost(self) -> int:
        """Tokens of one row at its longest."""
        return self.request.num_row_tokens

    def take(self) -> SamplingRow:
        """The next row, which is now taken."""
        self.position += 1
        return SamplingRow(RowKey(self.number, self.position - 1), self.request)

    def add(self, index: int, outcome: Sample | PmpoError) -> None:
        """Take one row's end; an error, or the last sample, settles the future."""
        if isinstance(outcome, PmpoError):
            self.fail(outcome)
            return
        self.samples[index] = outcome
        if None not in self.samples and not self.future.done():
            self.future.set_result(tuple(sample for sample in self.samples if sample is not None))

    def start_again(self) -> None:
        """Forget what was drawn: the same seed draws it again. This time it runs alone."""
        self.position = 0
        self.samples = [None] * self.request.num_samples
        self.runs_alone = self.was_redone = True


def fail_all(works: Sequence[Work[T]], error: PmpoError) -> None:
    """Give every open future an error of its own."""
    for work in works:
        work.fail(error)
