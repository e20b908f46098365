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
    async for fate in challenge(state, survivors):
        yield fate


async def challenge(state: State, ranked: Sequence[Candidate]) -> AsyncIterator[CandidateDropped | IncumbentAccepted]:
    """Accept the first of ``ranked`` that the acceptance rule lets through, and drop the others.

    ``ranked`` were scored on all training examples, best first; those that lose to a lower loss alone become
    runners-up. Raises BudgetExhaustedError.
    """
    for position, candidate in enumerate(ranked):
        refusal = await _refusal(state, candidate)
        if refusal is not None:
            if refusal.reason == "train_loss":
                _offer(state, candidate)
            yield state.dropped(candidate, refusal)
            continue
        for loser in ranked[position + 1 :]:
            _offer(state, loser)
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
            yield scored(state, rung, candidate, order[done:size])
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
    refusal = state.rule.check_train(
        state.train.mean(before), state.train.mean(after), _by_row(state, before), _by_row(state, after)
    )
    if refusal is not None:
        return refusal
    await state.meter.measure(state.validation, [after])
    return state.rule.check_validation(state.validation.mean(before), state.validation.mean(after))


def _offer(state: State, candidate: Candidate) -> None:
    """Make a candidate a runner-up, unless an anchor is worse under it than under the seed prompt."""
    first = _by_row(state, state.seeds[0].prompt)
    if state.rule.check_anchors(first, _by_row(state, candidate.prompt)) is None:
        state.runners_up.offer(candidate, state.train.mean(candidate.prompt))


def _by_row(state: State, prompt: str) -> dict[int, float]:
    """Training losses of ``prompt`` by row number."""
    losses = zip(state.train.examples, state.train.row(prompt), strict=True)
    return {example.index: float(loss) for example, loss in losses}


async def _accept(state: State, candidate: Candidate) -> IncumbentAccepted:
    """Stand on ``candidate``. In iteration 0 it is a seed prompt, which counts neither as accepted nor as diverging."""
    before, after = state.incumbents[-1].accuracy, await state.accuracy(candidate)
    del state.undecided[candidate.id]
    state.stand_on(candidate, after)
    if state.iteration:
        state.num_accepted += 1
        state.divergence.note(before, after)
    return state.accepted(is_best=state.best().candidate == candidate)


def scored(state: State, rung: int, candidate: Candidate, positions: Sequence[int]) -> CandidateScored:
    """The event that tells a candidate's losses at ``positions``, which are known."""
    row = state.train.row(candidate.prompt)
    return CandidateScored(
        state.number(),
        state.iteration,
        rung,
        candidate.id,
        tuple(state.train.examples[position].index for position in positions),
        tuple(float(row[position]) for position in positions),
    )
