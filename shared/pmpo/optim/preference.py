"""Preference losses: how far a prompt makes the chosen answer likelier than the rejected one. No reference model.

Every function takes (C, N) arrays of log-likelihood sums in nats and of token counts, and returns (C, N) losses.
``margin``, a number or (N,), is taken off what is under the sigmoid: a pair with a wider rating gap must win by more
(as in Llama 2, arXiv 2307.09288, equation 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pmpo.errors import InvalidInputError, NonFiniteScoreError
from pmpo.optim.losses import Booleans, Floats
from pmpo.optim.types import Example, Scores

PreferenceForm = Literal["auto", "dpo", "mean_margin", "lmpo"]
OptionsForm = Literal["pairs", "cross_entropy"]
LENGTH_RATIO = 1.2


def dpo(chosen: Floats, rejected: Floats, beta: float, margin: Floats | float = 0.0) -> Floats:
    """Equation 5: -log sigmoid(beta * (log p(y+) - log p(y-)) - margin), sums over tokens."""
    return softplus(margin - beta * (chosen - rejected))


def mean_margin(
    chosen: Floats,
    rejected: Floats,
    num_chosen: Floats,
    num_rejected: Floats,
    *,
    beta: float,
    gamma: float,
    margin: Floats | float = 0.0,
) -> Floats:
    """-log sigmoid(beta * (mean log p+ - mean log p-) - gamma - margin), the form of SimPO (arXiv 2405.14734)."""
    return softplus(gamma + margin - beta * (chosen / num_chosen - rejected / num_rejected))


def lmpo(
    chosen: Floats,
    rejected: Floats,
    num_chosen: Floats,
    num_rejected: Floats,
    *,
    beta: float,
    gamma_ratio: float,
    margin: Floats | float = 0.0,
) -> Floats:
    """-log(1 / (1 + h * exp(-beta * (a_w - a_l)))) with mean log-probabilities a and h = exp(beta * gamma_ratio).

    The fixed-margin form of arXiv 2502.14643; written as softplus(beta * gamma_ratio - beta * (a_w - a_l)). A pair's
    own margin makes h = exp(beta * gamma_ratio + margin).
    """
    return softplus(beta * gamma_ratio + margin - beta * (chosen / num_chosen - rejected / num_rejected))


def option_cross_entropy(options: Floats) -> Floats:
    """-log softmax(options)[gold]: options is (C, N, options) of log-likelihood sums, the gold one first."""
    highest = options.max(axis=-1)
    total = np.log(np.exp(options - highest[..., None]).sum(axis=-1)) + highest
    return np.asarray(total - options[..., 0])


def softplus(values: Floats) -> Floats:
    """log(1 + exp(x)) = -log sigmoid(-x), without overflow."""
    return np.asarray(np.logaddexp(0.0, values))


def differ_in_length(num_chosen: Floats, num_rejected: Floats) -> Booleans:
    """(C, N): one answer of a pair has over 20 % more tokens than the other; sums saturate there."""
    longer, shorter = np.maximum(num_chosen, num_rejected), np.minimum(num_chosen, num_rejected)
    return np.asarray(longer > LENGTH_RATIO * shorter)


@dataclass(frozen=True, slots=True)
class Preference:
    """Pairs: an example's first target is the chosen answer, the second the rejected one.

    ``auto`` takes ``mean_margin`` for the pairs whose lengths differ by more than 20 %, and ``dpo`` for the others. A
    target has the same tokens under every prompt, so a pair keeps its form for the whole search. A pair's own
    ``margin`` is taken off under the sigmoid in every form.
    """

    form: PreferenceForm = "auto"
    beta: float = 1.0
    gamma: float = 0.0
    gamma_ratio: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a strength that would turn the preference around."""
        _check_beta(self.beta)

    def losses(self, scores: Scores, examples: Sequence[Example]) -> Floats:
        """(C, N) losses; lower prefers the chosen answer more. Raises NonFiniteScoreError."""
        sums, counts = cells(scores)  # (C, N, 2) each
        chosen, rejected = sums[..., 0], sums[..., 1]
        num_chosen, num_rejected = counts[..., 0], counts[..., 1]
        answers = (chosen, rejected, num_chosen, num_rejected)
        own = np.array([example.margin for example in examples], dtype=np.float64)  # (N,)
        if self.form == "lmpo":
            return lmpo(*answers, beta=self.beta, gamma_ratio=self.gamma_ratio, margin=own)
        by_mean = mean_margin(*answers, beta=self.beta, gamma=self.gamma, margin=own)
        if self.form == "mean_margin":
            return by_mean
        by_sum = dpo(chosen, rejected, self.beta, own)
        if self.form == "dpo":
            return by_sum
        return np.where(differ_in_length(num_chosen, num_rejected), by_mean, by_sum)

    def wins(self, scores: Scores) -> Booleans:
        """(C, N) whether the chosen answer has the higher mean log-likelihood per token, margins aside."""
        sums, counts = cells(scores)
        means = sums / counts
        return np.asarray(means[..., 0] > means[..., 1])


@dataclass(frozen=True, slots=True)
class MultipleChoice:
    """Options: an example's first target is the right option, the others are distractors; rows may differ in number.

    ``pairs`` is the mean of equation 5 over the distractors; ``cross_entropy`` is that of the right option among all,
    a softmax over sums, to which ``beta`` means nothing.
    """

    form: OptionsForm = "pairs"
    beta: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a strength that would turn the preference around."""
        _check_beta(self.beta)

    def losses(self, scores: Scores, examples: Sequence[Example]) -> Floats:
        """(C, N) losses. Raises NonFiniteScoreError."""
        rows = scores.log_likelihoods
        found = np.array([[self._loss(np.array(cell, dtype=np.float64)) for cell in row] for row in rows])
        if not np.isfinite(found).all():
            raise NonFiniteScoreError("the scorer answered a log-likelihood that is no finite number")
        return found

    def wins(self, scores: Scores) -> Booleans:
        """(C, N) whether the right option has the highest log-likelihood, as a sum; a tie is no win."""
        return np.array([[cell[0] > max(cell[1:]) for cell in row] for row in scores.log_likelihoods])

    def _loss(self, options: Floats) -> float:
        if self.form == "cross_entropy":
            return float(option_cross_entropy(options[None, None, :])[0, 0])
        return float(dpo(np.full(len(options) - 1, options[0]), options[1:], self.beta).mean())


def _check_beta(beta: float) -> None:
    if not beta > 0:
        raise InvalidInputError(f"beta is {beta}; it must be above zero")


def cells(scores: Scores) -> tuple[Floats, Floats]:
    """Sums and token counts as (C, N, 2) arrays.

    Raises:
        NonFiniteScoreError: a sum is NaN or infinite, or a target has no tokens.
        InvalidInputError: an example has not exactly two targets.
    """
    if any(len(cell) != 2 for row in scores.log_likelihoods for cell in row):
        raise InvalidInputError("a preference pair needs exactly two targets, the chosen and the rejected answer")
    sums = np.array(scores.log_likelihoods, dtype=np.float64)
    counts = np.array(scores.num_tokens, dtype=np.float64)
    if not np.isfinite(sums).all() or (counts < 1).any():
        raise NonFiniteScoreError("the scorer answered a log-likelihood that is no finite number, or of no tokens")
    return sums, counts
