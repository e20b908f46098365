"""Sampled answers: which rows are in the generator's batch, which join it next, which leave as nobody waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pmpo.errors import EngineError, PmpoError
from services.scorer.batcher.queue import FairQueue
from services.scorer.batcher.work import SampleWork, fail_all
from services.scorer.generation.types import RowEnd, RowKey, SamplingRow


@dataclass(frozen=True, slots=True)
class Floor:
    """How many rows may be drawn side by side.

    Attributes:
        max_cached_tokens: bound on rows times the longest of them; a single row may have more.
        max_joining_tokens: bound on the prompt tokens of rows that join at one time; a single row may have more.
        lets_rows_join: whether rows may join others that have begun.
    """

    max_cached_tokens: int
    max_joining_tokens: int
    lets_rows_join: bool


class Sampling:
    """The sampling requests that wait, and the rows that are being drawn.

    Args:
        quantum: tokens that a job takes in its turn.
        floor: how many rows there may be.
        is_deterministic: rows of one request only are drawn side by side.
    """

    def __init__(self, quantum: int, floor: Floor, *, is_deterministic: bool) -> None:
        self._queue: FairQueue[SampleWork] = FairQueue(quantum)
        self._floor = floor
        self._is_deterministic = is_deterministic
        self._running: dict[RowKey, SampleWork] = {}

    @property
    def is_busy(self) -> bool:
        """Whether rows are being drawn or wait."""
        return bool(self._running) or self._queue.head() is not None

    @property
    def num_jobs(self) -> int:
        """Jobs whose requests wait."""
        return self._queue.num_jobs

    @property
    def num_rows(self) -> int:
        """Rows that are being drawn."""
        return len(self._running)

    @property
    def works(self) -> list[SampleWork]:
        """The requests whose rows are being drawn."""
        return list(dict.fromkeys(self._running.values()))

    def put(self, work: SampleWork) -> None:
        """Let a request wait for its turn."""
        work.runs_alone = work.runs_alone or self._is_deterministic
        self._queue.put(work)

    def leave(self) -> set[RowKey]:
        """Take out the rows that nobody waits for any more."""
        leaving = {key for key, work in self._running.items() if work.is_over}
        for key in leaving:
            del self._running[key]
        return leaving

    def join(self) -> list[SamplingRow]:
        """Take in the rows that are next and fit."""
        joining: list[SamplingRow] = []
        if self._running and not self._floor.lets_rows_join:
            return joining
        prompts: set[tuple[int, ...]] = set()
        while (work := self._queue.head()) is not None and self._fits(work):
            prompts.add(work.request.prompt)
            if joining and sum(map(len, prompts)) > self._floor.max_joining_tokens:
                break
            self._queue.charge(work, work.next_cost)
            row = work.take()
            self._running[row.key] = work
            joining.append(row)
        return joining

    def settle(self, ends: Iterable[RowEnd]) -> None:
        """Take the rows that ended out and give their requests what they ended with."""
        for end in ends:
            work = self._running.pop(end.key, None)
            if work is not None:
                work.add(end.key.sample_index, end.outcome)

    def start_again(self, reason: str) -> None:
        """After a failure of the generator, which has lost all rows: each of their requests is drawn again, alone.

        One that has been drawn again before is the culprit, and fails with ``reason``.
        """
        works = self.works
        self._running.clear()
        for work in works:
            if work.was_redone:
                work.fail(EngineError(f"the engine failed on this request: {reason}"))
            elif not work.is_over:
                work.start_again()
                self._queue.put_back(work)

    def fail(self, error: PmpoError) -> None:
        """Fail everything that waits or is being drawn."""
        works = [*self._running.values(), *self._queue.drain()]
        self._running.clear()
        fail_all(works, error)

    def _fits(self, work: SampleWork) -> bool:
        if not self._running:
            return True
        others = [other for other in self._running.values() if other is not work]
        if others and (work.runs_alone or any(other.runs_alone for other in others)):
            return False
        longest = max(work.next_cost, *(other.next_cost for other in self._running.values()))
        return longest * (len(self._running) + 1) <= self._floor.max_cached_tokens
