"""Acceptance and the verdict: when a candidate replaces the incumbent, and what the test set says at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pmpo.optim.events import TestComparison, Verdict
from pmpo.optim.guards import Rejection
from pmpo.optim.losses import Floats

ALPHA = 0.05
MIN_TEST_EXAMPLES = 5
_EXACT_BELOW = 15
_NUM_DRAWS = 9_999


@dataclass(frozen=True, slots=True)
class AcceptanceRule:
    """Accept when training loss falls by more than ``min_delta``, validation does not rise, no anchor gets worse."""

    min_delta: float
    anchors: tuple[int, ...] = ()

    def check_train(
        self, before: float, after: float, losses_before: Mapping[int, float], losses_after: Mapping[int, float]
    ) -> Rejection | None:
        """Reasons ``train_loss`` and ``anchor``. The mappings go from row numbers to losses."""
        if not after < before - self.min_delta:
            return Rejection("train_loss", f"training loss {after:.4f} against {before:.4f}")
        return self.check_anchors(losses_before, losses_after)

    def check_anchors(self, losses_before: Mapping[int, float], losses_after: Mapping[int, float]) -> Rejection | None:
        """Reason ``anchor``."""
        for row in self.anchors:
            if losses_after[row] > losses_before[row] + self.min_delta:
                return Rejection(
                    "anchor", f"anchor row {row}: loss {losses_after[row]:.4f} against {losses_before[row]:.4f}"
                )
        return None

    def check_validation(self, before: float, after: float) -> Rejection | None:
        """Reason ``validation_loss``."""
        if after > before:
            return Rejection("validation_loss", f"validation loss {after:.4f} against {before:.4f}")
        return None


def sign_flip_p_value(differences: Floats, seed: int) -> float:
    """One-sided sign-flip permutation test that the mean of ``differences`` (after minus before) is below zero.

    Exact enumeration below 15 examples, else 9,999 seeded draws with the usual correction.
    """
    observed = float(differences.sum())
    sums = _signs(len(differences), seed) @ differences  # (draws,)
    slack = 1e-12 * float(np.abs(differences).sum())
    at_most = int(np.count_nonzero(sums <= observed + slack))
    if len(differences) < _EXACT_BELOW:
        return at_most / len(sums)
    return (at_most + 1) / (len(sums) + 1)


def typical_interval(differences: Floats, seed: int, level: float = 0.95) -> tuple[float, float]:
    """The sign-flip test inverted: quantiles of the means of random subsets (Hartigan 1969, typical values).

    A shift m is inside exactly when the two-sided sign-flip test on ``differences - m`` does not refuse it.
    """
    chosen = _signs(len(differences), seed) < 0  # (draws, N): the flipped ones
    chosen = chosen[chosen.any(axis=1)]
    means = (chosen @ differences) / chosen.sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def compare(before: Floats, after: Floats, weights: Floats, seed: int) -> TestComparison:
    """The paired comparison of two prompts' test losses, each (N,)."""
    shares = weights / weights.sum()
    differences = (after - before) * shares * len(shares)  # equal weights: plain differences
    return TestComparison(
        num_examples=len(before),
        loss_before=float(np.dot(shares, before)),
        loss_after=float(np.dot(shares, after)),
        difference=float(differences.mean()),
        interval=typical_interval(differences, seed),
        p_value=sign_flip_p_value(differences, seed),
        losses_before=tuple(map(float, before)),
        losses_after=tuple(map(float, after)),
    )


def verdict_of(test: TestComparison | None, *, changed: bool) -> Verdict:
    """``confirmed`` when another prompt than the seed won and the test refuses chance at 5 %."""
    if test is None:
        return "untested"
    return "confirmed" if changed and test.p_value < ALPHA else "unconfirmed"


def _signs(num: int, seed: int) -> Floats:
    """(draws, num) of +1 and -1: all of them for small num, else seeded random rows."""
    if num < _EXACT_BELOW:
        codes = np.arange(2**num)[:, None] >> np.arange(num)[None, :]
        return np.where(codes & 1, -1.0, 1.0)
    return np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), size=(_NUM_DRAWS, num))
