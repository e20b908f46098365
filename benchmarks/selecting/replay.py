"""Replays: every policy over many seeded shuffles of one job's examples, and what came out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.selecting.desk import Desk, Step
from benchmarks.selecting.known import Floats, Known
from benchmarks.selecting.policies import Policy
from benchmarks.selecting.prices import Prices

CLOSE = 0.01  # one point of accuracy


@dataclass(frozen=True, slots=True)
class Replays:
    """One policy on one job: the trace of each shuffle."""

    traces: tuple[tuple[Step, ...], ...]

    @property
    def picks(self) -> list[int]:
        """The final pick of each shuffle."""
        return [trace[-1].pick for trace in self.traces]

    def totals(self, name: str) -> Floats:
        """(shuffles,) of seconds, scored_tokens, generated_tokens or cells at the end."""
        return np.array([getattr(trace[-1], name) for trace in self.traces], dtype=np.float64)

    def regrets(self, accuracy: Floats) -> Floats:
        """(shuffles,) best test accuracy of the pool minus the pick's."""
        return regrets_of(self.picks, accuracy)

    def regrets_at(self, seconds: float, accuracy: Floats) -> Floats:
        """(shuffles,) regret of what would have been picked after so many engine seconds."""
        return regrets_of([pick_at(trace, seconds) for trace in self.traces], accuracy)

    def seconds_to_close(self, accuracy: Floats) -> Floats:
        """(shuffles,) engine seconds until the pick is within a point of the pool's best and stays; inf: never."""
        return np.array([seconds_to_close(trace, accuracy) for trace in self.traces])


def replay(policy: Policy, known: Known, prices: Prices, num_shuffles: int, seed: int) -> Replays:
    """Run a policy on shuffles of examples and candidates that depend on the seed alone: the same for every policy."""
    traces = []
    for shuffle in range(num_shuffles):
        rng = np.random.default_rng([seed, shuffle])
        candidates = rng.permutation(known.num_candidates).tolist()
        desk = Desk(known, prices, candidates, rng.permutation(known.num_examples).tolist())
        policy.run(desk)
        traces.append(tuple(desk.steps))
    return Replays(tuple(traces))


def regrets_of(picks: Sequence[int], accuracy: Floats) -> Floats:
    """(picks,) best test accuracy of the pool minus theirs."""
    return np.asarray(accuracy.max() - accuracy[np.array(picks)], dtype=np.float64)


def pick_at(trace: Sequence[Step], seconds: float) -> int:
    """What the last step within so many seconds would pick."""
    return [step.pick for step in trace if step.seconds <= seconds][-1]


def seconds_to_close(trace: Sequence[Step], accuracy: Floats) -> float:
    """Seconds of the first step from which on every pick is within a point of the pool's best; inf: there is none."""
    since = float("inf")
    for step in trace:
        if accuracy[step.pick] < accuracy.max() - CLOSE - 1e-9:
            since = float("inf")
        elif since == float("inf"):
            since = step.seconds
    return since
