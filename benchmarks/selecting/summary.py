"""What the replays say: each policy on each job, and over all jobs with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.intervals import over_jobs, over_repetitions
from benchmarks.selecting.known import Floats, Known
from benchmarks.selecting.policies import POLICIES, REFERENCE
from benchmarks.selecting.replay import CLOSE, Replays
from pmpo.optim import correlation

BUDGETS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)


@dataclass(frozen=True, slots=True)
class JobReplays:
    """One job: what is known of its pool, the test accuracy of each candidate, and every policy's replays."""

    known: Known
    accuracy: Floats
    replays: Mapping[str, Replays]

    @property
    def is_telling(self) -> bool:
        """Are some candidates better than others? Where all are alike no policy can be wrong."""
        return bool(np.ptp(self.accuracy) > CLOSE)

    @property
    def unit_s(self) -> float:
        """Engine seconds of scoring the whole pool by loss: the unit in which jobs are compared."""
        return float(self.replays[REFERENCE].totals("seconds").mean())


def job_summary(job: JobReplays, seed: int) -> dict[str, dict[str, Any]]:
    """By policy: regret in points with an interval, and mean costs."""
    return {
        name: {
            "regret_points": over_repetitions(100 * replays.regrets(job.accuracy), seed).plain(),
            "within_a_point": round(float((replays.regrets(job.accuracy) <= CLOSE + 1e-9).mean()), 3),
            "median_seconds_to_a_point": _finite(float(np.median(replays.seconds_to_close(job.accuracy)))),
            "seconds": round(float(replays.totals("seconds").mean()), 4),
            "scored_tokens": round(float(replays.totals("scored_tokens").mean())),
            "generated_tokens": round(float(replays.totals("generated_tokens").mean())),
            "same_as_all": round(float(same_as_all(name, job).mean()), 3),
            "cells_saved": round(float(cells_saved(name, job).mean()), 3),
        }
        for name, replays in job.replays.items()
    }


def overall_summary(jobs: Sequence[JobReplays], seed: int) -> dict[str, dict[str, Any]]:
    """By policy over the jobs that tell anything (all, when none does). Intervals are over jobs and shuffles.

    ``cost`` and its kin are engine seconds in units of what "loss: all" takes on the same job.
    """
    telling = [job for job in jobs if job.is_telling] or list(jobs)
    return {name: _overall(name, telling, seed) for name in POLICIES}


def _overall(name: str, jobs: Sequence[JobReplays], seed: int) -> dict[str, Any]:
    def rows(values: Sequence[Floats]) -> dict[str, Any]:
        return over_jobs(np.array(values), seed).plain()

    runs = [(job, job.replays[name]) for job in jobs]
    close = np.concatenate([replays.seconds_to_close(job.accuracy) / job.unit_s for job, replays in runs])
    return {
        "regret_points": rows([100 * replays.regrets(job.accuracy) for job, replays in runs]),
        "regret_points_above_reference": rows([100 * _above_reference(name, job) for job in jobs]),
        "within_a_point": rows(
            [(replays.regrets(job.accuracy) <= CLOSE + 1e-9).astype(float) for job, replays in runs]
        ),
        "median_cost_to_a_point": _finite(float(np.median(close))),
        "cost": rows([replays.totals("seconds") / job.unit_s for job, replays in runs]),
        "seconds": rows([replays.totals("seconds") for _, replays in runs]),
        "scored_tokens": rows([replays.totals("scored_tokens") for _, replays in runs]),
        "generated_tokens": rows([replays.totals("generated_tokens") for _, replays in runs]),
        "same_as_all": rows([same_as_all(name, job) for job, _ in runs]),
        "cells_saved": rows([cells_saved(name, job) for job, _ in runs]),
        "regret_points_at_cost": {
            str(budget): rows([100 * replays.regrets_at(budget * job.unit_s, job.accuracy) for job, replays in runs])
            for budget in BUDGETS
        },
    }


def _above_reference(name: str, job: JobReplays) -> Floats:
    """(shuffles,) regret minus that of the reference policy on the same shuffle."""
    return job.replays[name].regrets(job.accuracy) - job.replays[REFERENCE].regrets(job.accuracy)


def same_as_all(name: str, job: JobReplays) -> Floats:
    """(shuffles,) 1.0 where the pick is the best by the policy's measure over all cells, or ties it."""
    table = job.known.losses if POLICIES[name].measure == "loss" else job.known.errors
    means = table.mean(axis=1)
    picked = means[np.array(job.replays[name].picks)]
    return np.asarray(picked <= means.min() + 1e-9, dtype=np.float64)


def cells_saved(name: str, job: JobReplays) -> Floats:
    """(shuffles,) share of all cells that were not asked for."""
    return 1.0 - job.replays[name].totals("cells") / job.known.losses.size


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's, as ``pmpo.optim.correlation`` has it; 0 when one of them is constant."""
    return correlation.rank_correlation(first, second) or 0.0


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
