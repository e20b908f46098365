"""The contest of a round: which of the candidates, if any, becomes the incumbent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np

from pmpo.errors import TooLongError
from pmpo.optim.events import Candidate, CandidateDropped, CandidateScored, IncumbentAccepted
from pmpo.optim.guards import Rejection
from pmpo.optim.state import State


async def contest(
    state: State, pool: Sequence[Candidate]
) -> AsyncIterator[CandidateScored | CandidateDropped | IncumbentAccepted]:
    """Score the pool under the selection policy, then accept the best survivor that the acceptance rule lets through.

    Every candidate of the pool ends in exactly one CandidateDropped or IncumbentAccepted. Raises BudgetExhaustedError.
    """
    fitting = await those_that_fit(state, pool)
    for candidate in pool:
        if candidate not in fitting:
            yield state.dropped(
                candidate, Rejection("too_long", "with the longest example it exceeds the model's context")
            )
    survivors: list[Candidate] = []
    async for event in _select(state, fitting, survivors):
        yield event
    for candidate in survivors:
        refusal = await _refusal(state, candidate)
        if refusal is not None:
            yield state.dropped(candidate, refusal)
            continue
        for loser in survivors[survivors.index(candidate) + 1 :]:
            yield state.dropped(loser, Rejection("selection", f"candidate {candidate.id} has the lower loss"))
        yield await _accept(state, candidate)
        return


async def those_that_fit(state: State, pool: Sequence[Candidate]) -> list[Candidate]:
    """Those that fit into the model's context with every example, the test's too, which the winner will meet.

    Asked together, one by one if need be.
    """
    try:
        for table in (state.train, state.validation, state.test):
            await state.meter.count(table, [candidate.prompt for candidate in pool])
    except TooLongError:
        if len(pool) < 2:
            return []
        alone = [await those_that_fit(state, [candidate]) for candidate in pool]
        return [candidate for fitting in alone for candidate in fitting]
    return list(pool)


async def _select(
    state: State, pool: Sequence[Candidate], survivors: list[Candidate]
) -> AsyncIterator[CandidateScored | CandidateDropped]:
    """Run the selection policy over incumbent and pool; ``survivors`` gets who is left, best first."""
    order = [int(position) for position in state.rng.permutation(len(state.train))]
    alive = [state.incumbent, *pool] if pool else []
    done = 0
    for rung, size in enumerate(state.policy.rungs(len(order)) if pool else ()):
        fresh = [candidate for candidate in alive if candidate.id != state.incumbent.id]
        if not fresh:
            break
        await state.meter.measure(state.train, [candidate.prompt for candidate in fresh], order[done:size])
        for candidate in fresh:
            yield _scored(state, rung, candidate, order[done:size])
        losses = np.array([state.train.scaled(candidate.prompt, order[:size]) for candidate in alive])
        means = losses.mean(axis=1)
        last = tuple(int(position) for position in np.argsort(means, kind="stable"))
        kept = state.policy.keep(losses, len(order)) if size < len(order) else last
        for position, candidate in enumerate(alive):
            if position not in kept and candidate.id != state.incumbent.id:
                yield state.dropped(candidate, Rejection("selection", f"loss {means[position]:.4f} on {size} examples"))
        alive = [alive[position] for position in kept]
        done = size
    survivors.extend(candidate for candidate in alive if candidate.id != state.incumbent.id)


async def _refusal(state: State, candidate: Candidate) -> Rejection | None:
    before, after = state.incumbent.prompt, candidate.prompt
    by_row = [
        {
            example.index: float(loss)
            for example, loss in zip(state.train.examples, state.train.row(prompt), strict=True)
        }
        for prompt in (before, after)
    ]
    refusal = state.rule.check_train(state.train.mean(before), state.train.mean(after), by_row[0], by_row[1])
    if refusal is not None:
        return refusal
    await state.meter.measure(state.validation, [after])
    return state.rule.check_validation(state.validation.mean(before), state.validation.mean(after))


async def _accept(state: State, candidate: Candidate) -> IncumbentAccepted:
    accuracy = await state.meter.accuracy(candidate.prompt, state.splits.validation, state.spec.max_answer_tokens)
    del state.undecided[candidate.id]
    state.incumbent = candidate
    state.importances = None
    state.num_accepted += 1
    state.validation_accuracy = accuracy
    return IncumbentAccepted(
        state.number(),
        state.iteration,
        candidate,
        state.train.mean(candidate.prompt),
        state.validation.mean(candidate.prompt),
        accuracy,
    )


def _scored(state: State, rung: int, candidate: Candidate, positions: Sequence[int]) -> CandidateScored:
    row = state.train.row(candidate.prompt)
    return CandidateScored(
        state.number(),
        state.iteration,
        rung,
        candidate.id,
        tuple(state.train.examples[position].index for position in positions),
        tuple(float(row[position]) for position in positions),
    )
