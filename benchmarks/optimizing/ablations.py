"""PMPO's loop with one of its parts taken out. Without a change it is ``pmpo.optim.search`` up to the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from pmpo.optim.beginning import begin
from pmpo.optim.events import Event
from pmpo.optim.journal import SearchPorts
from pmpo.optim.meter import BudgetExhaustedError
from pmpo.optim.rounds import run_round
from pmpo.optim.spec import SearchSpec
from pmpo.optim.state import State
from pmpo.optim.types import Splits


class Change(Protocol):
    """What is different from PMPO."""

    def apply(self, state: State) -> None:
        """Called before every round."""
        ...


class Nothing:
    """PMPO as it is."""

    def apply(self, state: State) -> None:
        """See ``Change.apply``."""


class WithoutMaskAnalysis:
    """No unit is ever measured: the rewriter gets no table, and nothing is paid for one."""

    def apply(self, state: State) -> None:
        """See ``Change.apply``. An empty table counts as a known one."""
        state.importances = ()


class RandomExample:
    """The rewriter sees random training examples instead of the hardest."""

    def apply(self, state: State) -> None:
        """See ``Change.apply``."""
        state.hard = RandomChoice()


class RandomChoice:
    """A ``HardExamplePolicy`` that does not look at losses."""

    def choose(self, losses: Sequence[float], count: int, iteration: int, rng: np.random.Generator) -> tuple[int, ...]:
        """See ``HardExamplePolicy.choose``."""
        return tuple(int(position) for position in rng.permutation(len(losses))[:count])

    def learn(self, outcomes: Mapping[int, Sequence[bool]], accepted: int | None, iteration: int) -> None:
        """Nothing to learn."""


async def changed_search(spec: SearchSpec, splits: Splits, ports: SearchPorts, change: Change) -> AsyncIterator[Event]:
    """The events of the search's rounds; no SearchStarted, and no test at the end."""
    state = await begin(spec, splits, ports)
    while not await _is_over(state):
        change.apply(state)
        try:
            async for event in run_round(state):
                yield event
        except BudgetExhaustedError:
            return


async def _is_over(state: State) -> bool:
    """The reasons of ``pmpo.optim.search`` that can occur here."""
    seconds = state.spec.caps.seconds
    is_late = seconds is not None and await state.ports.elapsed_s() >= seconds
    return is_late or state.stops.reason(state.standing) is not None
