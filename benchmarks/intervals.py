"""Percentile bootstrap intervals: over repetitions within a job, or over jobs and repetitions within them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NUM_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def over_repetitions(values: Floats, seed: int) -> Estimate:
    """Of one job: (repetitions,) values, resampled."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(values), size=(NUM_RESAMPLES, len(values)))
    return _estimate(float(values.mean()), values[draws].mean(axis=1))


def over_jobs(values: Floats, seed: int) -> Estimate:
    """Of all jobs: (jobs, repetitions) values. Jobs are resampled, then the repetitions of each one drawn."""
    num_jobs, num = values.shape
    rng = np.random.default_rng(seed)
    jobs = rng.integers(num_jobs, size=(NUM_RESAMPLES, num_jobs, 1))
    draws = rng.integers(num, size=(NUM_RESAMPLES, num_jobs, num))
    return _estimate(float(values.mean()), values[jobs, draws].mean(axis=(1, 2)))


def _estimate(mean: float, resampled: Floats) -> Estimate:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(mean, float(low), float(high))
