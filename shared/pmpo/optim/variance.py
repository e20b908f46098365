"""Preference variance: pairs whose preference probability hardly moves, whatever the prompt (arXiv 2510.13022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FLAT_BELOW = 0.01
MIN_PROMPTS = 4


@dataclass(frozen=True, slots=True)
class FlatPair:
    """A row that does not tell prompts apart.

    Attributes:
        row: its number in the train data.
        mean_probability: of the right answer, over the prompts; near 1 every prompt gets it right, near 0 every one
            gets it wrong.
        standard_deviation: of that probability, over the prompts.
        num_prompts: prompts that were scored on the row.
    """

    row: int
    mean_probability: float
    standard_deviation: float
    num_prompts: int


def flat_pairs(losses: Mapping[int, Sequence[float]]) -> tuple[FlatPair, ...]:
    """Rows whose probability has a standard deviation below 0.01 over the prompts, in the order of their numbers.

    The probability is exp(-loss): sigmoid of the margin for pairs, the softmax of the right option for cross-entropy,
    and the geometric mean over the distractors where options are taken as pairs. A row that fewer than 4 prompts were
    scored on is never among them: little was tried.

    Args:
        losses: for each row number, its loss under every prompt that was scored on it.
    """
    found = []
    for row in sorted(losses):
        probabilities = np.exp(-np.asarray(losses[row], dtype=np.float64))  # (prompts,)
        if len(probabilities) >= MIN_PROMPTS and float(probabilities.std(ddof=1)) < FLAT_BELOW:
            mean, deviation = float(probabilities.mean()), float(probabilities.std(ddof=1))
            found.append(FlatPair(row, mean, deviation, len(probabilities)))
    return tuple(found)
