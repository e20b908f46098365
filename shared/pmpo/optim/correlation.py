"""Rank correlation: whether the order of one measure is the order of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pmpo.optim.losses import Floats


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's: Pearson's correlation of the ranks, ties at their mean rank; from -1 to 1.

    None when it is not defined: fewer than two pairs, or one of the two is constant. Both must be of equal length.
    """
    ranks = [ranks_of(np.array(values, dtype=np.float64)) for values in (first, second)]
    if len(first) < 2 or min(rank.std() for rank in ranks) == 0:
        return None
    return round(float(np.corrcoef(ranks[0], ranks[1])[0, 1]), 12)  # a perfect order is 1, not a last bit less or more


def ranks_of(values: Floats) -> Floats:
    """(N,) ranks from 0, the lowest first; equal values share the mean of their ranks."""
    below = (values[None, :] < values[:, None]).sum(axis=1)
    ties = (values[None, :] == values[:, None]).sum(axis=1)
    return np.asarray(below + (ties - 1) / 2.0, dtype=np.float64)
