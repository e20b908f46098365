"""Bad case analysis: which hard examples the rewriter sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

SHOWN_BEFORE_REST = 2
REST_ITERATIONS = 2


class HardExamplePolicy(Protocol):
    """Chooses examples and learns what became of the rewrites that were aimed at them."""

    def choose(self, losses: Sequence[float], count: int, iteration: int, rng: np.random.Generator) -> tuple[int, ...]:
        """Positions of at most ``count`` examples, hardest first."""
        ...

    def learn(self, outcomes: Mapping[int, Sequence[bool]], accepted: int | None, iteration: int) -> None:
        """Take in a round.

        Args:
            outcomes: for each shown position, whether each rewrite aimed at it lowered its loss (where measured).
            accepted: the position whose rewrite was accepted; None when none was.
            iteration: the round, from 1.
        """
        ...


class TopLoss:
    """The paper's: the highest losses."""

    def choose(self, losses: Sequence[float], count: int, iteration: int, rng: np.random.Generator) -> tuple[int, ...]:
        """See ``HardExamplePolicy.choose``; ties go to the earlier example."""
        return hardest(losses, count)

    def learn(self, outcomes: Mapping[int, Sequence[bool]], accepted: int | None, iteration: int) -> None:
        """Nothing to learn."""


@dataclass(slots=True)
class _Record:
    """What is known of one example: a Beta(1 + successes, 1 + failures) posterior, and its showings in vain."""

    successes: int = 0
    failures: int = 0
    shown_in_vain: int = 0
    rests_until: int = 0


@dataclass(slots=True)
class Thompson:
    """``count`` among the ``3 * count`` highest losses by Thompson sampling (after MoPPS, arXiv 2507.04632).

    An example's arm is "a rewrite aimed at it lowered its loss", so that mislabelled and hopeless ones are given up.
    One that was shown twice without an accepted rewrite rests for two iterations.
    """

    records: dict[int, _Record] = field(default_factory=dict)

    def choose(self, losses: Sequence[float], count: int, iteration: int, rng: np.random.Generator) -> tuple[int, ...]:
        """See ``HardExamplePolicy.choose``. Resting examples are taken only when there are too few others."""
        pool = [position for position in hardest(losses, len(losses)) if not self._rests(position, iteration)]
        resting = [position for position in hardest(losses, len(losses)) if self._rests(position, iteration)]
        pool = (pool + resting)[: max(3 * count, count)] if len(pool) < count else pool[: 3 * count]
        draws = {position: self._draw(position, rng) for position in pool}
        chosen = sorted(pool, key=lambda position: -draws[position])[:count]
        return tuple(sorted(chosen, key=lambda position: (-losses[position], position)))

    def learn(self, outcomes: Mapping[int, Sequence[bool]], accepted: int | None, iteration: int) -> None:
        """See ``HardExamplePolicy.learn``."""
        for position, lowered in outcomes.items():
            record = self.records.setdefault(position, _Record())
            record.successes += sum(lowered)
            record.failures += len(lowered) - sum(lowered)
            record.shown_in_vain = 0 if accepted == position else record.shown_in_vain + 1
            if record.shown_in_vain >= SHOWN_BEFORE_REST:
                record.shown_in_vain = 0
                record.rests_until = iteration + REST_ITERATIONS

    def _rests(self, position: int, iteration: int) -> bool:
        return iteration <= self.records.get(position, _Record()).rests_until

    def _draw(self, position: int, rng: np.random.Generator) -> float:
        record = self.records.get(position, _Record())
        return float(rng.beta(1 + record.successes, 1 + record.failures))


def hardest(losses: Sequence[float], count: int) -> tuple[int, ...]:
    """Positions of the ``count`` highest losses, highest first, ties in order."""
    order = sorted(range(len(losses)), key=lambda position: (-losses[position], position))
    return tuple(order[:count])
