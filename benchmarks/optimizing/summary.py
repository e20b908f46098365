"""What the trials say: test accuracy and loss at equal engine seconds, over jobs and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.intervals import over_jobs

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)

Trial = Mapping[str, Any]
Tests = Mapping[str, Mapping[str, float]]


def contestant_summary(trials: Sequence[Sequence[Trial]], tests: Sequence[Tests], cap_s: float, seed: int) -> Any:
    """Of one contestant.

    Args:
        trials: (jobs, seeds) of them.
        tests: for each job, accuracy and loss of each prompt on its test set.
        cap_s: engine seconds of every trial.
        seed: of the intervals.
    """

    def rows(pick: Any) -> dict[str, Any]:
        values = [[pick(trial, known) for trial in row] for row, known in zip(trials, tests, strict=True)]
        return over_jobs(np.array(values, dtype=np.float64), seed).plain()

    return {
        "accuracy_at_share": {
            str(share): rows(lambda trial, known, share=share: 100 * _value(trial, known, share * cap_s, "accuracy"))
            for share in SHARES
        },
        "loss_at_share": {
            str(share): rows(lambda trial, known, share=share: _value(trial, known, share * cap_s, "loss"))
            for share in SHARES
        },
        **{name: rows(lambda trial, _, name=name: trial["total"][name]) for name in trials[0][0]["total"]},
        "rounds": rows(lambda trial, _: trial["rounds"]),
    }


def prompt_at(trial: Trial, seconds: float) -> str:
    """What the trial stood for after so many engine seconds."""
    return str([step["prompt"] for step in trial["steps"] if step["seconds"] <= seconds][-1])


def _value(trial: Trial, tests: Tests, seconds: float, name: str) -> float:
    return tests[prompt_at(trial, seconds)][name]
