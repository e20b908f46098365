"""Evaluation: on which training examples a round's candidates are scored."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pmpo.baselines.standing import Standing
from pmpo.optim.events import Candidate, CandidateScored


class Evaluation(Protocol):
    """Scores candidates and says so, one event for each batch of each candidate."""

    def run(self, standing: Standing, candidates: Sequence[Candidate]) -> AsyncIterator[CandidateScored]:
        """Every candidate is scored on at least one example. Raises BudgetExhaustedError."""
        ...


@dataclass(frozen=True, slots=True)
class Full:
    """Every candidate on every training example."""

    async def run(self, standing: Standing, candidates: Sequence[Candidate]) -> AsyncIterator[CandidateScored]:
        """See ``Evaluation.run``."""
        everywhere = range(len(standing.score.table))
        for group in _groups(standing, candidates):
            await standing.score.measure([candidate.prompt for candidate in group])
            for candidate in group:
                yield standing.scored(candidate, 0, everywhere)


@dataclass(frozen=True, slots=True)
class Ucb:
    """Upper confidence bounds over mini-batches: the bandit that APE (arXiv 2211.01910) ships beside full evaluation.

    All candidates are scored on one mini-batch; then, as long as ``share`` of the full cost is not used up, the one
    with the best ``mean score - c * sqrt(log(all cells) / its cells)`` gets the next. The batches of all candidates are
    beginnings of one shuffled order, so that means compare the same examples. At last the leader is scored on all,
    because only a complete score is compared with the incumbent's.
    """

    batch: int = 5
    share: float = 1 / 3
    c: float = 1.0

    async def run(self, standing: Standing, candidates: Sequence[Candidate]) -> AsyncIterator[CandidateScored]:
        """See ``Evaluation.run``; a candidate's rung counts its batches from 0."""
        order = [int(position) for position in standing.rng.permutation(len(standing.score.table))]
        seen = dict.fromkeys((candidate.id for candidate in candidates), min(self.batch, len(order)))
        for group in _groups(standing, candidates):
            await standing.score.measure([candidate.prompt for candidate in group], order[: self.batch])
            for candidate in group:
                yield standing.scored(candidate, 0, order[: self.batch])
        while sum(seen.values()) + self.batch <= self.share * len(order) * len(seen):
            unfinished = [candidate for candidate in candidates if seen[candidate.id] < len(order)]
            total = sum(seen.values())
            chosen = min(unfinished, key=lambda item: self._bound(standing, item, seen[item.id], total))
            start, seen[chosen.id] = seen[chosen.id], min(seen[chosen.id] + self.batch, len(order))
            await standing.score.measure([chosen.prompt], order[start : start + self.batch])
            yield standing.scored(chosen, start // self.batch, order[start : start + self.batch])
        if not candidates:
            return
        leader = min(candidates, key=lambda item: standing.ranked(item).score)
        start = seen[leader.id]
        if start < len(order):
            await standing.score.measure([leader.prompt], order[start:])
            yield standing.scored(leader, math.ceil(start / self.batch), order[start:])

    def _bound(self, standing: Standing, candidate: Candidate, seen: int, total: int) -> float:
        return standing.ranked(candidate).score - self.c * math.sqrt(math.log(total) / seen)


def _groups(standing: Standing, candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Candidates measured in one call: all by loss (the scorer shares their prefixes), one by one by answers."""
    if standing.kind == "accuracy":
        return [[candidate] for candidate in candidates]
    return [list(candidates)] if candidates else []
