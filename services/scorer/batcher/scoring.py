"""Scoring rounds: what the engine gets in one call, filled from the lines of all jobs and from the memo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from pmpo.errors import PmpoError
from services.scorer.batcher.memo import ScoreMemo
from services.scorer.batcher.queue import FairQueue
from services.scorer.batcher.work import ScoreWork, fail_all
from services.scorer.engines.base import FloatArray, ScoredItems, TokenItem


@dataclass(slots=True)
class Part:
    """The items of one request in a round, as indices into the request, rising, and what each was counted as."""

    work: ScoreWork
    indices: list[int] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)

    @property
    def items(self) -> list[TokenItem]:
        """What the engine gets."""
        return [self.work.item(index) for index in self.indices]

    def add(self, scored: ScoredItems) -> None:
        """Give the request the scores of the part's items."""
        rows = zip(self.indices, scored.token_log_likelihoods, scored.computed_tokens, strict=True)
        for index, values, computed_tokens in rows:
            self.work.add(index, values, computed_tokens)


@dataclass(slots=True)
class Round:
    """What one engine call scores.

    Attributes:
        size: the tokens that fit, those that items share counted once; the first item always does.
        num_tokens: the tokens that were taken in.
    """

    size: int
    num_tokens: int = 0
    _parts: dict[ScoreWork, Part] = field(default_factory=dict)

    @property
    def room(self) -> int:
        """The tokens that still fit."""
        return self.size - self.num_tokens

    @property
    def parts(self) -> list[Part]:
        """The requests' parts, in the order in which they came."""
        return list(self._parts.values())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to run."""
        return not self._parts

    @property
    def items(self) -> list[TokenItem]:
        """All items, part by part."""
        return [item for part in self._parts.values() for item in part.items]

    @property
    def works(self) -> list[ScoreWork]:
        """The requests that are in it."""
        return list(self._parts)

    def cost(self, work: ScoreWork) -> int:
        """Tokens that the request's next item adds: all of them when the round does not hold the item before it."""
        part = self._parts.get(work)
        follows = part is not None and part.indices[-1] == work.position - 1
        return work.next_cost if follows else work.item(work.position).num_tokens

    def add(self, work: ScoreWork, index: int, cost: int) -> None:
        """Take in one item."""
        part = self._parts.setdefault(work, Part(work))
        part.indices.append(index)
        part.costs.append(cost)
        self.num_tokens += cost

    def keep(self, is_wanted: Callable[[ScoreWork, int], bool]) -> None:
        """Drop the items that are not wanted (any more); their room is free again."""
        for part in self._parts.values():
            kept = [place for place, index in enumerate(part.indices) if is_wanted(part.work, index)]
            part.indices = [part.indices[place] for place in kept]
            part.costs = [part.costs[place] for place in kept]
        self._parts = {work: part for work, part in self._parts.items() if part.indices}
        self.num_tokens = sum(cost for part in self._parts.values() for cost in part.costs)

    def split(self, scored: ScoredItems) -> Iterator[tuple[Part, ScoredItems]]:
        """The scores of each part."""
        start = 0
        for part in self._parts.values():
            end = start + len(part.indices)
            yield part, ScoredItems(scored.token_log_likelihoods[start:end], scored.computed_tokens[start:end])
            start = end


class Scoring:
    """The scoring requests that wait, and the memo.

    Args:
        quantum: tokens that a job takes in its turn.
        memo: scores that are not computed again.
        is_deterministic: a round is one slice of one request, cut by that request alone.
    """

    def __init__(self, quantum: int, memo: ScoreMemo, *, is_deterministic: bool) -> None:
        self._queue: FairQueue[ScoreWork] = FairQueue(quantum)
        self._memo = memo
        self._is_deterministic = is_deterministic

    @property
    def waits(self) -> bool:
        """Whether anything is left to take."""
        return self._queue.head() is not None

    @property
    def num_jobs(self) -> int:
        """Jobs whose requests wait."""
        return self._queue.num_jobs

    def put(self, work: ScoreWork) -> None:
        """Let a request wait for its turn."""
        self._queue.put(work)

    def fill(self, round_: Round, spared: int = 0) -> None:
        """Take what fits into the round, but for ``spared`` tokens. What the memo knows takes no room."""
        while (work := self._queue.head()) is not None:
            if self._is_deterministic:
                if round_.is_empty:
                    self._take_slice(work, round_)
                return
            if not self._try_take(work, round_, spared):
                return

    def drop_needless(self, round_: Round) -> None:
        """Just before the round runs: drop what nobody waits for, and what has become known since it was filled."""
        round_.keep(lambda work, index: not (work.is_over or self._recall(work, index)))

    def settle(self, part: Part, scored: ScoredItems) -> None:
        """Give a request the scores of its part of a round, and keep them."""
        for index, values in zip(part.indices, scored.token_log_likelihoods, strict=True):
            self._memo.note_computed(part.work.key(index))
            if is_finite(values):
                self._memo.remember(part.work.key(index), values)
        part.add(scored)

    def fail(self, error: PmpoError) -> None:
        """Fail everything that waits."""
        fail_all(self._queue.drain(), error)

    def _try_take(self, work: ScoreWork, round_: Round, spared: int) -> bool:
        """Take the request's next item; False when the round has no room for it."""
        if self._recall(work, work.position):
            work.take()
            return True
        cost = round_.cost(work)
        if not round_.is_empty and cost > round_.room - spared:
            return False
        self._queue.charge(work, cost)
        round_.add(work, work.take(), cost)
        return True

    def _take_slice(self, work: ScoreWork, round_: Round) -> None:
        """Take as many items of one request as the empty round holds: the same, whatever else waits."""
        while not work.is_taken:
            cost = round_.cost(work)
            if not round_.is_empty and cost > round_.room:
                return
            self._queue.charge(work, cost)
            round_.add(work, work.take(), cost)

    def _recall(self, work: ScoreWork, index: int) -> bool:
        """Whether the memo knew an item, which is then found."""
        values = self._memo.find(work.key(index))
        if values is None:
            return False
        work.cached_tokens += work.item(index).num_tokens
        work.add(index, values, 0)
        return True


def is_finite(values: FloatArray) -> bool:
    """Whether all of them are numbers."""
    return bool(np.isfinite(values).all())


def has_bad_numbers(scored: ScoredItems) -> bool:
    """Whether any of the scores is NaN or infinite."""
    return not all(map(is_finite, scored.token_log_likelihoods))
