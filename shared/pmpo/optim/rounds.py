"""One round of a search: analyse the incumbent, rewrite it, pick the best rewrite, accept it or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np

from pmpo.errors import TooLongError
from pmpo.optim.events import (
    Candidate,
    CandidateDropped,
    CandidateProposed,
    CandidateScored,
    Event,
    HardExamplesChosen,
    IncumbentAccepted,
    IterationFinished,
    IterationStarted,
    RewriteRejected,
    UnitsMeasured,
)
from pmpo.optim.guards import Rejection
from pmpo.optim.importance import importances, masked_prompts, units_of
from pmpo.optim.losses import Floats
from pmpo.optim.proposing import Proposal, read_rewrite, rewrite_requests
from pmpo.optim.state import State
from pmpo.optim.types import Example


async def run_round(state: State) -> AsyncIterator[Event]:
    """The events of one round. Raises BudgetExhaustedError where a call would not fit; what was known stays known."""
    state.iteration += 1
    incumbent_loss = state.train.mean(state.incumbent.prompt)
    yield IterationStarted(state.number(), state.iteration, state.incumbent.id, incumbent_loss, await state.spent())
    if state.importances is None:
        yield await _analyse(state)
    chosen = _choose_hard_examples(state)
    yield chosen
    pool: list[Candidate] = []
    async for proposed in _propose(state, chosen.indices):
        if isinstance(proposed, CandidateProposed):
            pool.append(proposed.candidate)
        yield proposed
    state.rounds_without_rewrites = 0 if pool else state.rounds_without_rewrites + 1
    before = state.train.row(state.incumbent.prompt)
    accepted: Candidate | None = None
    async for event in _select_and_accept(state, pool):
        accepted = event.candidate if isinstance(event, IncumbentAccepted) else accepted
        yield event
    state.rounds_without = 0 if accepted else state.rounds_without + 1
    _learn(state, chosen.indices, before, pool, accepted)
    prompt = state.incumbent.prompt
    yield IterationFinished(
        state.number(),
        state.iteration,
        accepted is not None,
        state.train.mean(prompt),
        state.validation.mean(prompt),
        await state.spent(),
    )


async def _analyse(state: State) -> UnitsMeasured:
    """Mask analysis of the incumbent; only redone when the incumbent changed."""
    prompt = state.incumbent.prompt
    units = units_of(prompt, state.spec.protected, state.spec.max_units)
    masked = masked_prompts(prompt, units)
    await state.meter.measure(state.train, masked)
    losses = np.array([state.train.row(text) for text in masked]).reshape(len(masked), len(state.train))
    state.importances = importances(units, losses, state.train.row(prompt), state.train.weights)
    return UnitsMeasured(state.number(), state.iteration, state.incumbent.id, state.importances)


def _choose_hard_examples(state: State) -> HardExamplesChosen:
    losses = [float(loss) for loss in state.train.row(state.incumbent.prompt)]
    count = min(state.spec.hard_examples, len(losses))
    positions = state.hard.choose(losses, count, state.iteration, state.rng)
    rows = tuple(state.train.examples[position].index for position in positions)
    return HardExamplesChosen(state.number(), state.iteration, rows, tuple(losses[position] for position in positions))


def _learn(
    state: State, shown: Sequence[int], before: Floats, pool: Sequence[Candidate], accepted: Candidate | None
) -> None:
    """Tell the policy of hard examples which rewrites lowered the loss of the example that they were aimed at."""
    position_of = {example.index: position for position, example in enumerate(state.train.examples)}
    outcomes: dict[int, list[bool]] = {position_of[row]: [] for row in shown}
    for candidate in pool:
        position = position_of[candidate.example_index or 0]
        after = state.train.row(candidate.prompt)[position]
        if not np.isnan(after):
            outcomes[position].append(bool(after < before[position]))
    winner = None if accepted is None else position_of[accepted.example_index or 0]
    state.hard.learn(outcomes, winner, state.iteration)


async def _propose(state: State, indices: Sequence[int]) -> AsyncIterator[RewriteRejected | CandidateProposed]:
    by_row = {example.index: example for example in state.train.examples}
    hard = [by_row[index] for index in indices]
    for proposal in await _proposals(state, hard):
        state.last_text = proposal.text
        if proposal.rejection is None:
            candidate = state.new_candidate(proposal.text, proposal.example_index)
            yield CandidateProposed(state.number(), state.iteration, candidate)
        else:
            yield RewriteRejected(
                state.number(),
                state.iteration,
                proposal.example_index,
                proposal.text,
                proposal.rejection.reason,
                proposal.rejection.detail,
            )


async def _proposals(state: State, hard: Sequence[Example]) -> list[Proposal]:
    requests = rewrite_requests(
        state.spec, state.incumbent.prompt, state.importances or (), hard, state.ports.num_calls + 1
    )
    answers = await state.meter.rewrites(requests)
    texts = [(example.index, completion) for example, row in zip(hard, answers, strict=True) for completion in row]
    rewrites = [read_rewrite(completion) for _, completion in texts]
    counts = await state.ports.count_tokens([rewrite or "" for rewrite in rewrites])
    return [
        state.rail.judge(index, completion.text, rewrite, count)
        for (index, completion), rewrite, count in zip(texts, rewrites, counts, strict=True)
    ]


async def _select_and_accept(
    state: State, pool: Sequence[Candidate]
) -> AsyncIterator[CandidateScored | CandidateDropped | IncumbentAccepted]:
    fitting = await _fitting(state, pool)
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


async def _fitting(state: State, pool: Sequence[Candidate]) -> list[Candidate]:
    """Those of the pool that fit into the model's context with every example: asked together, one by one if need be."""
    try:
        for table in (state.train, state.validation):
            await state.meter.count(table, [candidate.prompt for candidate in pool])
    except TooLongError:
        if len(pool) < 2:
            return []
        alone = [await _fitting(state, [candidate]) for candidate in pool]
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
