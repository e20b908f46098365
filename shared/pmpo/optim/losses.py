"""Losses: from log-likelihoods to what a search minimises. Natural logs, float64 once they are here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pmpo.errors import NonFiniteScoreError
from pmpo.optim.types import Example, Scores

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


class Objective(Protocol):
    """How the loss of a prompt on an example is read off its targets' log-likelihoods."""

    def losses(self, scores: Scores, examples: Sequence[Example]) -> Floats:
        """(C, N) losses of the (C, N) scores on those N examples; lower is better."""
        ...

    def wins(self, scores: Scores) -> Booleans | None:
        """(C, N) whether the right answer is the likeliest of an example's targets; None with nothing to compare."""
        ...


@dataclass(frozen=True, slots=True)
class Supervised:
    """Equation 3 on the first target, the end of turn included.

    ``token_mean``: -log p(y | x, P) / |y|, nats per target token; ``token_sum``: the paper's formula, nats per example;
    ``byte_mean``: nats per byte of the target's UTF-8, comparable across tokenizers.
    """

    normalize: Literal["token_mean", "token_sum", "byte_mean"] = "token_mean"

    def losses(self, scores: Scores, examples: Sequence[Example]) -> Floats:
        """See ``Objective.losses``. Raises NonFiniteScoreError."""
        sums = np.array([[cell[0] for cell in row] for row in scores.log_likelihoods], dtype=np.float64)  # (C, N)
        counts = np.array([[cell[0] for cell in row] for row in scores.num_tokens], dtype=np.float64)  # (C, N)
        if not np.isfinite(sums).all() or (counts < 1).any():
            raise NonFiniteScoreError("the scorer answered a log-likelihood that is no finite number, or of no tokens")
        if self.normalize == "token_sum":
            return -sums
        if self.normalize == "byte_mean":
            counts = np.array([[len(example.target.encode()) for example in examples]], dtype=np.float64)  # (1, N)
        return -sums / counts

    def wins(self, scores: Scores) -> Booleans | None:
        """None: there is one target."""
        return None


def check_finite(scores: Scores, prompts: Sequence[str], examples: Sequence[Example]) -> None:
    """Refuse an answer in which a log-likelihood is none: it would rank prompts by noise.

    Raises:
        NonFiniteScoreError: names the row and the prompt of the first one that is NaN, infinite or of no tokens.
    """
    for prompt, sums, counts in zip(prompts, scores.log_likelihoods, scores.num_tokens, strict=True):
        for example, values, numbers in zip(examples, sums, counts, strict=True):
            for value, number in zip(values, numbers, strict=True):
                if not math.isfinite(value) or number < 1:
                    raise NonFiniteScoreError(
                        f"the scorer gave {value} over {number} tokens as a log-likelihood of row {example.index} "
                        f"(from 0) under the prompt {prompt!r:.80}; look at the model and its dtype"
                    )


def weights_of(examples: Sequence[Example]) -> Floats:
    """(N,) rewards r of the examples."""
    return np.array([example.weight for example in examples], dtype=np.float64)


def batch_loss(losses: Floats, weights: Floats) -> float:
    """Equation 4: the mean over examples, each with its reward: sum(r * loss) / sum(r)."""
    return float(np.dot(losses, weights) / weights.sum())


def standard_error(values: Floats, weights: Floats) -> float:
    """The standard error of the weighted mean of ``values``, both (N,); 0.0 for fewer than two rows that count."""
    num = int(np.count_nonzero(weights))
    if num < 2:
        return 0.0
    shares = weights / weights.sum()
    variance = float(np.sum(shares**2 * (values - float(np.dot(shares, values))) ** 2))
    return float((variance * num / (num - 1)) ** 0.5)
