"""Racing: a candidate leaves when a paired test says that it is worse than the leader."""

from __future__ import annotations

import math

import numpy as np

from pmpo.optim.losses import Floats

EXPECTED_SHARE = 0.4
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


class Race:
    """After each block of examples, drop every candidate that is significantly worse than the leader.

    Paired one-sided t-test of (candidate - leader), Holm's correction over the pool, and the finite-population factor
    sqrt(1 - n/N): the examples are all there is, and after the last one nothing is uncertain.
    """

    def __init__(self, block: int = 8, alpha: float = 0.05) -> None:
        self._block = block
        self._alpha = alpha

    def rungs(self, num_examples: int) -> tuple[int, ...]:
        """block, 2 * block, ... below N, then N."""
        return (*range(self._block, num_examples, self._block), num_examples)

    def keep(self, losses: Floats, num_examples: int) -> tuple[int, ...]:
        """Positions that stay, best first; the leader always does."""
        order = np.argsort(losses.mean(axis=1), kind="stable")
        leader, others = order[0], order[1:]
        p_values = [paired_p_value(losses[other] - losses[leader], num_examples) for other in others]
        refused = holm(p_values, self._alpha)
        return (int(leader), *(int(other) for other, is_out in zip(others, refused, strict=True) if not is_out))

    def max_cells(self, num_candidates: int, num_examples: int) -> int:
        """All of them: nobody may be clearly worse. What a race saves is known only when it is over."""
        return num_candidates * num_examples

    def expected_cells(self, num_candidates: int, num_examples: int) -> float:
        """What is dropped depends on the losses; in simulations a race scored 29 to 52 % of all cells."""
        return EXPECTED_SHARE * num_candidates * num_examples


def paired_p_value(differences: Floats, num_population: int) -> float:
    """One-sided t-test that the mean of ``differences``, drawn without replacement, is above zero."""
    num = len(differences)
    if num < 2:
        return 1.0
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) * math.sqrt(max(0.0, 1 - num / num_population) / num)
    if error == 0.0:
        return 0.0 if mean > 0 else 1.0
    return student_survival(mean / error, num - 1)


def holm(p_values: list[float], alpha: float) -> list[bool]:
    """Which null hypotheses Holm's step-down procedure refuses, in the order given."""
    refused = [False] * len(p_values)
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        if p_values[position] > alpha / (len(p_values) - rank):
            break
        refused[position] = True
    return refused


def student_survival(t: float, degrees: int) -> float:
    """P(T > t) for Student's t, by Gauss-Legendre over the angle: T = sqrt(degrees) * tan(angle).

    The density of the angle is proportional to cos(angle) ** (degrees - 1), smooth enough for 64 nodes.
    """
    angle = math.atan(t / math.sqrt(degrees))
    half = (math.pi / 2 - angle) / 2
    angles = angle + half * (_NODES + 1)
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(math.pi)
    return float(min(1.0, scale * half * np.dot(_WEIGHTS, np.maximum(np.cos(angles), 0.0) ** (degrees - 1))))
