"""Whether a loss rose by more than chance: the paired test over rows that were measured twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pmpo.errors import PmpoError

MIN_ROWS = 5
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a prompt counts as worse.

    Attributes:
        tolerance: a rise of the mean loss up to this is none, in the unit of the objective.
        alpha: level of the paired test.
        max_loss: the mean loss may not be higher at all; None: any.
    """

    tolerance: float = 0.02
    alpha: float = ALPHA
    max_loss: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """Losses of one prompt. ``losses`` and ``weights`` go by the names of rows."""

    losses: Mapping[str, float]
    weights: Mapping[str, float]
    unit: str

    @property
    def loss(self) -> float:
        """The weighted mean."""
        return _mean(self.losses, self.weights)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Losses on the rows that both measurements have.

    Attributes:
        num_rows: how many they are.
        loss_before, loss_after: weighted means over them.
        interval: 95 % interval of the difference, after minus before.
        p_rise, p_fall: one-sided sign-flip tests that the loss did not rise, and did not fall.
    """

    num_rows: int
    loss_before: float
    loss_after: float
    interval: tuple[float, float]
    p_rise: float
    p_fall: float

    @property
    def difference(self) -> float:
        """After minus before; above zero is worse."""
        return self.loss_after - self.loss_before

    def has_risen(self, thresholds: Thresholds) -> bool:
        """More than the tolerance, and more than chance."""
        return self.difference > thresholds.tolerance and self.p_rise < thresholds.alpha

    def has_fallen(self, thresholds: Thresholds) -> bool:
        """More than chance; a gain needs no tolerance."""
        return self.difference < 0 and self.p_fall < thresholds.alpha


class NotComparableError(PmpoError):
    """Two measurements that say nothing about one another; the message says why."""

    code = "not_comparable"


def compared(before: Mapping[str, float], after: Measured, seed: int) -> Comparison:
    """The paired comparison on the rows that ``before`` and ``after`` share, by ``pmpo.optim.acceptance``.

    Raises:
        NotComparableError: they share fewer than 5 rows.
    """
    rows = [row for row in after.losses if row in before]
    if len(rows) < MIN_ROWS:
        raise NotComparableError(
            f"{len(rows)} rows were measured both times; at least {MIN_ROWS} are needed for a test"
        )
    import numpy as np

    from pmpo.optim.acceptance import compare

    old = np.array([before[row] for row in rows], dtype=np.float64)  # (rows,)
    new = np.array([after.losses[row] for row in rows], dtype=np.float64)  # (rows,)
    weights = np.array([after.weights[row] for row in rows], dtype=np.float64)  # (rows,)
    if not weights.any():
        raise NotComparableError("the rows that were measured both times all weigh 0")
    fall, rise = compare(old, new, weights, seed), compare(new, old, weights, seed)
    return Comparison(len(rows), fall.loss_before, fall.loss_after, fall.interval, rise.p_value, fall.p_value)


def _mean(losses: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return sum(loss * weights[row] for row, loss in losses.items()) / sum(weights[row] for row in losses)
