"""What the trials say: test accuracy and loss at equal engine seconds, over jobs and seeds, and against PMPO."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.intervals import Floats, over_jobs

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)

Trial = Mapping[str, Any]
Tests = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Results:
    """All trials of a contestant.

    Attributes:
        trials: by job, one for each seed; jobs on which it does not take part are not there.
        tests: for each job, accuracy and loss of each prompt on its test set.
        cap_s: priced engine seconds of every trial.
    """

    trials: Mapping[str, Sequence[Trial]]
    tests: Mapping[str, Tests]
    cap_s: float

    def at(self, share: float, name: str) -> dict[str, list[float]]:
        """``name`` (accuracy or loss) of what each trial stood for after a share of the cap, by job."""
        seconds = share * self.cap_s
        return self.each(lambda trial, tests: tests[prompt_at(trial, seconds)][name])

    def each(self, pick: Callable[[Trial, Tests], float]) -> dict[str, list[float]]:
        """A value of each trial, by job."""
        return {job: [pick(trial, self.tests[job]) for trial in row] for job, row in self.trials.items()}


def contestant_summary(results: Results, seed: int) -> dict[str, Any]:
    """Of one contestant. ``seed``: of the intervals."""
    totals = next(iter(results.trials.values()))[0]["total"]
    return {
        "accuracy_at_share": _by_share(lambda share: 100 * _array(results.at(share, "accuracy")), seed),
        "loss_at_share": _by_share(lambda share: _array(results.at(share, "loss")), seed),
        **{name: _plain(results.each(partial(_total, name)), seed) for name in totals},
        "rounds": _plain(results.each(lambda trial, _: trial["rounds"]), seed),
        "jobs": {job: 100 * float(np.mean(row)) for job, row in results.at(1.0, "accuracy").items()},
    }


def lead_summary(pmpo: Results, other: Results, seed: int) -> dict[str, Any]:
    """How far PMPO leads, paired by job and seed: points of accuracy more, and loss less, above 0 where PMPO is better.

    Only jobs on which both take part count; ``jobs`` is the accuracy lead at the cap on each.
    """
    return {
        "accuracy_at_share": _by_share(lambda share: 100 * _differences(pmpo, other, share, "accuracy"), seed),
        "loss_at_share": _by_share(lambda share: -_differences(pmpo, other, share, "loss"), seed),
        "jobs": {
            job: round(100 * float(row.mean()), 2)
            for job, row in zip(other.trials, _differences(pmpo, other, 1.0, "accuracy"), strict=True)
        },
    }


def prompt_at(trial: Trial, seconds: float) -> str:
    """What the trial stood for after so many engine seconds."""
    return str([step["prompt"] for step in trial["steps"] if step["seconds"] <= seconds][-1])


def prompts_shown(trial: Trial, cap_s: float) -> list[str]:
    """Those that the trial stood for at some share of the cap: the ones that are tested."""
    return list(dict.fromkeys(prompt_at(trial, share * cap_s) for share in SHARES))


def _total(name: str, trial: Trial, _: Tests) -> float:
    return float(trial["total"][name])


def _differences(pmpo: Results, other: Results, share: float, name: str) -> Floats:
    ours, theirs = pmpo.at(share, name), other.at(share, name)
    return np.array([ours[job] for job in theirs]) - _array(theirs)  # (jobs, seeds)


def _by_share(values: Callable[[float], Floats], seed: int) -> dict[str, Any]:
    return {str(share): over_jobs(values(share), seed).plain() for share in SHARES}


def _plain(values: Mapping[str, Sequence[float]], seed: int) -> dict[str, Any]:
    return over_jobs(_array(values), seed).plain()


def _array(values: Mapping[str, Sequence[float]]) -> Floats:
    return np.array(list(values.values()), dtype=np.float64)  # (jobs, seeds)
