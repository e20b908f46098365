"""The policies: each picks one candidate of a pool, by losses or by errors of answers, and says so as it goes.

Ours are the product's own classes. The others are written from their papers; where a paper's setting is another (a
development set, survivors, a stream of new candidates) the docstring says what was made of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.selecting.desk import Desk, Measure
from benchmarks.selecting.known import Floats
from pmpo.optim.race import Race, student_survival
from pmpo.optim.selection import SelectionPolicy, SequentialHalving

SEED_PROMPT = 0


class Policy(Protocol):
    """Asks the desk and leads; its last lead is its pick."""

    @property
    def measure(self) -> Measure:
        """What it picks by."""
        ...

    def run(self, desk: Desk) -> None:
        """From the beginning to the pick."""
        ...


@dataclass(frozen=True, slots=True)
class Everything:
    """Every candidate on every example: the paper's selection by loss, and generate-and-match by errors.

    By loss it is one call, which picks at its end; by errors a call for each candidate, with a leader after each.
    """

    measure: Measure

    def run(self, desk: Desk) -> None:
        """See ``Policy.run``."""
        groups = [list(desk.candidates)] if self.measure == "loss" else [[place] for place in desk.candidates]
        best, lowest = SEED_PROMPT, math.inf
        for group in groups:
            means = desk.ask(self.measure, group, desk.examples).mean(axis=1)
            if means.min() < lowest:
                best, lowest = group[int(means.argmin())], float(means.min())
            desk.lead(best)


@dataclass(frozen=True, slots=True)
class Rungs:
    """One of ``pmpo.optim``'s policies: rung by rung, until one candidate or no example is left."""

    policy: SelectionPolicy
    measure: Measure

    def run(self, desk: Desk) -> None:
        """See ``Policy.run``."""
        alive, num = list(desk.candidates), len(desk.examples)
        for size in self.policy.rungs(num):
            cells = desk.ask(self.measure, alive, desk.examples[:size])
            kept = self.policy.keep(cells, num) if size < num else np.argsort(cells.mean(axis=1), kind="stable")
            alive = [alive[int(place)] for place in kept]
            desk.lead(alive[0])
            if len(alive) == 1:
                return


@dataclass(frozen=True, slots=True)
class MinibatchGate:
    """GEPA (arXiv 2507.19457): a child that beats its parent on 3 examples is evaluated on all, and the best stays.

    Candidates come one by one in random order, and the parent of each is the best prompt so far: the pool stands in for
    GEPA's stream of new mutations. Both sets are the training examples here, and the parent's cells are known, so its
    side of the minibatch is free; GEPA runs it again for its traces.
    """

    measure: Measure
    batch: int = 3

    def run(self, desk: Desk) -> None:
        """See ``Policy.run``; the minibatches walk through the shuffled examples."""
        best, num = SEED_PROMPT, len(desk.examples)
        desk.ask(self.measure, [best], desk.examples)
        desk.lead(best)
        for turn, child in enumerate(place for place in desk.candidates if place != SEED_PROMPT):
            batch = [desk.examples[(turn * self.batch + offset) % num] for offset in range(min(self.batch, num))]
            before, after = (desk.ask(self.measure, [place], batch).sum() for place in (best, child))
            if after < before:
                means = desk.ask(self.measure, [best, child], desk.examples).mean(axis=1)
                best = child if means[1] < means[0] else best
            desk.lead(best)


@dataclass(frozen=True, slots=True)
class Ucb:
    """APE's bandit (arXiv 2211.01910): upper confidence bounds over mini-batches, at a third of the full cost.

    As in ``pmpo.baselines.evaluation``, but that the leader is not scored on all examples at the end: a pick needs no
    complete score.
    """

    measure: Measure
    batch: int = 5
    share: float = 1 / 3
    c: float = 1.0

    def run(self, desk: Desk) -> None:
        """See ``Policy.run``."""
        num, places = len(desk.examples), list(desk.candidates)
        cells = desk.ask(self.measure, places, desk.examples[: self.batch])
        seen, sums = np.full(len(places), cells.shape[1]), cells.sum(axis=1)
        desk.lead(places[int((sums / seen).argmin())])
        while seen.sum() + self.batch <= self.share * num * len(places):
            bounds = sums / seen - self.c * np.sqrt(math.log(seen.sum()) / seen)
            chosen = int(np.where(seen < num, bounds, np.inf).argmin())
            examples = desk.examples[seen[chosen] : seen[chosen] + self.batch]
            sums[chosen] += desk.ask(self.measure, [places[chosen]], examples).sum()
            seen[chosen] += len(examples)
            desk.lead(places[int((sums / seen).argmin())])


@dataclass(frozen=True, slots=True)
class BlockRace:
    """CAPO's racing (arXiv 2504.16005): after each block who is significantly worse than another candidate leaves.

    Paired t-test at 0.2 without a correction. CAPO keeps a population; one survivor is wanted here. Its blocks are a
    tenth of the development set, 30 examples; here they are 10.
    """

    measure: Measure
    block: int = 10
    alpha: float = 0.2

    def run(self, desk: Desk) -> None:
        """See ``Policy.run``."""
        alive, num = list(desk.candidates), len(desk.examples)
        for size in (*range(self.block, num, self.block), num):
            cells = desk.ask(self.measure, alive, desk.examples[:size])
            means = cells.mean(axis=1)
            desk.lead(alive[int(means.argmin())])  # nobody is better, so it stays
            is_out = [bool(row.any()) for row in significantly_worse(cells, self.alpha)]
            alive = [place for place, out in zip(alive, is_out, strict=True) if not out]
            if len(alive) == 1:
                return


def significantly_worse(cells: Floats, alpha: float) -> NDArray[np.bool_]:
    """(C, C): is row i's mean above row j's by a paired one-sided t-test over the columns of the (C, n) cells?"""
    differences = cells[:, None, :] - cells[None, :, :]  # (C, C, n)
    means, num = differences.mean(axis=2), cells.shape[1]
    errors = differences.std(axis=2, ddof=1) / math.sqrt(num)
    worse: NDArray[np.bool_] = (means > 0) & (means > critical_t(alpha, num - 1) * errors)
    return worse


@lru_cache
def critical_t(alpha: float, degrees: int) -> float:
    """The t above which Student's distribution has the share ``alpha``, by bisection."""
    low, high = 0.0, 1e3
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_survival(middle, degrees) > alpha else (low, middle)
    return (low + high) / 2


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        "loss: all": Everything("loss"),
        "loss: halving": Rungs(SequentialHalving(), "loss"),
        "loss: race": Rungs(Race(), "loss"),
        "loss: gate of 3": MinibatchGate("loss"),
        "loss: UCB": Ucb("loss"),
        "loss: block race": BlockRace("loss"),
        "answers: all": Everything("error"),
        "answers: halving": Rungs(SequentialHalving(), "error"),
        "answers: gate of 3 (GEPA)": MinibatchGate("error"),
        "answers: UCB (APE)": Ucb("error"),
        "answers: block race (CAPO)": BlockRace("error"),
    }
)
REFERENCE = "loss: all"
