"""Selection: which candidates go on, after how many examples. A policy knows nothing of scoring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np

from pmpo.optim.losses import Floats
from pmpo.optim.race import Race

SelectionName = Literal["halving", "race", "full"]


class SelectionPolicy(Protocol):
    """Decides rung by rung."""

    def rungs(self, num_examples: int) -> tuple[int, ...]:
        """Examples that the surviving candidates have been scored on after each rung; the last is ``num_examples``."""
        ...

    def keep(self, losses: Floats, num_examples: int) -> tuple[int, ...]:
        """Positions of the candidates that stay after a rung, best first.

        ``losses`` is (alive, seen), each column scaled by its example's reward; ``num_examples`` is N.
        """
        ...

    def max_cells(self, num_candidates: int, num_examples: int) -> int:
        """The most (prompt, example) cells that are scored for that many candidates beside a known incumbent."""
        ...

    def expected_cells(self, num_candidates: int, num_examples: int) -> float:
        """The cells that are probably scored, for estimates."""
        ...


class SequentialHalving:
    """After each rung the better half stays, rounded up.

    Rungs are 8, 16, 32, ... examples below N, then N. Its cost is known beforehand: 13 candidates and 50 examples are
    scored 13 on 8, 7 on 16, 4 on 32, 2 on all.
    """

    first_rung = 8

    def rungs(self, num_examples: int) -> tuple[int, ...]:
        """8, 16, 32, ... below N, then N."""
        sizes = []
        size = self.first_rung
        while size < num_examples:
            sizes.append(size)
            size *= 2
        return (*sizes, num_examples)

    def keep(self, losses: Floats, num_examples: int) -> tuple[int, ...]:
        """The better half, rounded up; ties go to the earlier candidate."""
        order = np.argsort(losses.mean(axis=1), kind="stable")
        return tuple(int(position) for position in order[: (len(order) + 1) // 2])

    def max_cells(self, num_candidates: int, num_examples: int) -> int:
        """An exact cost, but for the incumbent.

        It costs nothing and may be among those that leave, so every survivor is counted as a new candidate.
        """
        return self._cells(num_candidates, num_examples, incumbent=0)

    def expected_cells(self, num_candidates: int, num_examples: int) -> float:
        """The mean of two courses: the incumbent stays in the better half to the end, or leaves in the first rung."""
        courses = (self._cells(num_candidates, num_examples, incumbent=1), self._without(num_candidates, num_examples))
        return sum(courses) / len(courses)

    def _without(self, num_candidates: int, num_examples: int) -> int:
        """Cells when the incumbent leaves in the first rung."""
        cells, alive, done = 0, num_candidates, 0
        for size in self.rungs(num_examples):
            cells += alive * (size - done)
            alive = min(alive, (alive + (1 if done else 2)) // 2)
            done = size
        return cells

    def _cells(self, num_candidates: int, num_examples: int, incumbent: int) -> int:
        cells, alive, done = 0, num_candidates, 0
        for size in self.rungs(num_examples):
            cells += alive * (size - done)
            alive, done = max(0, min(alive, (alive + 2) // 2) - incumbent), size
        return cells


class Full:
    """The paper's: every candidate on every example."""

    def rungs(self, num_examples: int) -> tuple[int, ...]:
        """N alone."""
        return (num_examples,)

    def keep(self, losses: Floats, num_examples: int) -> tuple[int, ...]:
        """All, best first."""
        return tuple(int(position) for position in np.argsort(losses.mean(axis=1), kind="stable"))

    def max_cells(self, num_candidates: int, num_examples: int) -> int:
        """All of them."""
        return num_candidates * num_examples

    def expected_cells(self, num_candidates: int, num_examples: int) -> float:
        """All of them."""
        return num_candidates * num_examples


def policy_of(selection: SelectionName) -> SelectionPolicy:
    """The policy that a spec names: the one place that decides, for the search and for the budget check before it."""
    policies: dict[SelectionName, Callable[[], SelectionPolicy]] = {
        "halving": SequentialHalving,
        "race": Race,
        "full": Full,
    }
    return policies[selection]()
