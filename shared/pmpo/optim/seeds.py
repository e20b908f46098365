"""Several seed prompts: each is scored, and the search begins with the best.

The first of the list is "your prompt": the test at the end compares with it, whichever the search began with, so that
``confirmed`` answers the question whether to replace it. Another seed prompt wins by the rule that candidates win by: a
lower training loss, a validation loss that is not higher, no anchor worse. The events of iteration 0 tell what became
of each.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from pmpo.optim.contest import challenge, scored
from pmpo.optim.events import CandidateProposed, Event
from pmpo.optim.state import State


async def compare_seeds(state: State) -> AsyncIterator[Event]:
    """Score the further seed prompts and stand on the best. Raises BudgetExhaustedError."""
    others = state.seeds[1:]
    for candidate in others:
        yield CandidateProposed(state.number(), state.iteration, candidate)
    await state.meter.measure(state.train, [candidate.prompt for candidate in others])
    everywhere = range(len(state.train))
    for candidate in others:
        yield scored(state, 0, candidate, everywhere)
    ranked = sorted(others, key=lambda candidate: (state.train.mean(candidate.prompt), candidate.id))
    async for event in challenge(state, ranked):
        yield event
