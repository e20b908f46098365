"""Losses: from log-likelihoods to what a search minimises. Natural logs, float64 once they are here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pmpo.errors import NonFiniteScoreError
from pmpo.optim.types import Example, Scores

Floats = NDArray[np.float64]


class Objective(Protocol):
    """How the loss of a prompt on an example is read off its targets' log-likelihoods."""

    def losses(self, scores: Scores) -> Floats:
        """(C, N) losses; lower is better."""
        ...


class SupervisedTokenMean:
    """Equation 3, per token: -log p(y | x, P) / |y|, the end of turn included."""

    def losses(self, scores: Scores) -> Floats:
        """(C, N) nats per target token. Raises NonFiniteScoreError."""
        sums = np.array([[cell[0] for cell in row] for row in scores.log_likelihoods], dtype=np.float64)  # (C, N)
        counts = np.array([[cell[0] for cell in row] for row in scores.num_tokens], dtype=np.float64)  # (C, N)
        if not np.isfinite(sums).all() or (counts < 1).any():
            raise NonFiniteScoreError("the scorer answered a log-likelihood that is no finite number, or of no tokens")
        return -sums / counts


def weights_of(examples: Sequence[Example]) -> Floats:
    """(N,) rewards r of the examples."""
    return np.array([example.weight for example in examples], dtype=np.float64)


def batch_loss(losses: Floats, weights: Floats) -> float:
    """Equation 4: the mean over examples, each with its reward: sum(r * loss) / sum(r)."""
    return float(np.dot(losses, weights) / weights.sum())
