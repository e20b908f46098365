"""Restarts: a search that is stuck goes on from the best runner-up."""

from __future__ import annotations

from pmpo.optim.events import SearchRestarted
from pmpo.optim.state import State


async def try_restart(state: State) -> SearchRestarted | None:
    """Stand on the best runner-up; None when restarts or runners-up are used up, or when more than patience ran out.

    The incumbent that is left stays among those that the result is chosen from. Raises BudgetExhaustedError.
    """
    if state.num_restarts >= state.spec.restarts or not state.stops.may_restart(state.standing):
        return None
    candidate = state.runners_up.try_take()
    if candidate is None:
        return None
    await state.meter.measure(state.validation, [candidate.prompt])
    accuracy = await state.accuracy(candidate)
    left = state.incumbent
    state.stand_on(candidate, accuracy)
    state.num_restarts += 1
    state.rounds_without = 0
    state.divergence.count = 0
    current = state.incumbents[-1]
    return SearchRestarted(
        state.number(),
        state.iteration,
        state.num_restarts,
        left.id,
        candidate,
        current.train_loss,
        current.validation_loss,
        accuracy,
        state.best().candidate == candidate,
        state.validation.complete(candidate.prompt),
    )
