"""Requests in the batcher's queue: what is left to run, what has been found, and the future that is settled with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pmpo.errors import EngineError, PmpoError
from services.scorer.engines.base import FloatArray, ScoredItems, TokenItem, check_finite
from services.scorer.generation.types import Sample, SamplingRequest


@dataclass(slots=True, eq=False)
class Stopwatch:
    """Seconds that a request waited for its first batch, and seconds of the batches that it was part of."""

    queued_at: float
    queue_s: float | None = None
    compute_s: float = 0.0

    def note(self, started_at: float, ended_at: float) -> None:
        """Add one batch (monotonic clock)."""
        if self.queue_s is None:
            self.queue_s = started_at - self.queued_at
        self.compute_s += ended_at - started_at


@dataclass(slots=True, eq=False)
class ScoreWork:
    """A scoring request, run in one or several slices: ``items[position:slice_end]`` is the slice being run."""

    items: Sequence[TokenItem]
    future: asyncio.Future[ScoredItems]
    stopwatch: Stopwatch
    position: int = 0
    slice_end: int = 0
    found: list[FloatArray] = field(default_factory=list)
    computed: list[int] = field(default_factory=list)

    def take_slice(self, max_tokens: int) -> int:
        """Choose the next slice: at least one item, at most ``max_tokens``. Returns its tokens."""
        num_tokens = 0
        self.slice_end = self.position
        for item in self.items[self.position :]:
            if self.slice_end > self.position and num_tokens + item.num_tokens > max_tokens:
                break
            num_tokens += item.num_tokens
            self.slice_end += 1
        return num_tokens

    def slice_items(self) -> Sequence[TokenItem]:
        """The items of the chosen slice."""
        return self.items[self.position : self.slice_end]

    def add_scores(self, scored: ScoredItems) -> None:
        """Take the slice's scores."""
        self.found.extend(scored.token_log_likelihoods)
        self.computed.extend(scored.computed_tokens)
        self.position = self.slice_end

    def try_settle(self) -> bool:
        """Settle the future when all items are scored; False when some are left."""
        if self.position < len(self.items):
            return False
        if not self.future.done():
            try:
                check_finite(self.found)
            except PmpoError as error:
                self.future.set_exception(error)
            else:
                self.future.set_result(ScoredItems(tuple(self.found), tuple(self.computed)))
        return True


@dataclass(slots=True, eq=False)
class SampleWork:
    """A generation request, run in one go."""

    request: SamplingRequest
    future: asyncio.Future[tuple[Sample, ...]]
    stopwatch: Stopwatch
    outcome: tuple[Sample, ...] | PmpoError | None = None

    def take_slice(self, max_tokens: int) -> int:
        """All of it, however many tokens may be wanted. Returns the tokens it may need."""
        return self.request.num_tokens

    def try_settle(self) -> bool:
        """Settle the future with the generator's answer."""
        if self.outcome is None:
            self.outcome = EngineError("the generator gave no answer to this request")
        if not self.future.done():
            if isinstance(self.outcome, PmpoError):
                self.future.set_exception(self.outcome)
            else:
                self.future.set_result(self.outcome)
        return True


Work: TypeAlias = ScoreWork | SampleWork
