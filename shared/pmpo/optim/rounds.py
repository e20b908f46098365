"""One round of a search: analyse the incumbent, rewrite it, pick the best rewrite, accept it or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np

from pmpo.errors import TooLongError
from pmpo.optim.contest import contest
from pmpo.optim.events import (
    Candidate,
    CandidateProposed,
    Event,
    HardExamplesChosen,
    IncumbentAccepted,
    IterationFinished,
    IterationStarted,
    RewriteRejected,
    UnitsMeasured,
)
from pmpo.optim.importance import importances, masked_prompts
from pmpo.optim.losses import Floats
from pmpo.optim.proposing import Proposal, rewrite_requests
from pmpo.optim.reading import read_rewrite
from pmpo.optim.state import State
from pmpo.optim.types import Example, Unit


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
    state.barren_rounds = 0 if pool else state.barren_rounds + 1
    before = state.train.row(state.incumbent.prompt)
    accepted: Candidate | None = None
    async for event in contest(state, pool):
        accepted = event.candidate if isinstance(event, IncumbentAccepted) else accepted
        yield event
    state.rounds_without = 0 if accepted else state.rounds_without + 1
    _learn(state, chosen.indices, before, pool, accepted)
    current = state.incumbents[-1]
    yield IterationFinished(
        state.number(),
        state.iteration,
        accepted is not None,
        current.train_loss,
        current.validation_loss,
        await state.spent(),
    )


async def _analyse(state: State) -> UnitsMeasured:
    """Mask analysis of the incumbent; only redone when the incumbent changed."""
    prompt = state.incumbent.prompt
    found = await state.units.propose(prompt)
    masked = await _masked(state, found.units)
    await state.meter.measure(state.train, masked)
    losses = np.array([state.train.row(text) for text in masked]).reshape(len(masked), len(state.train))
    state.importances = importances(found.units, losses, state.train.row(prompt), state.train.weights)
    return UnitsMeasured(
        state.number(), state.iteration, state.incumbent.id, state.importances, found.source, found.detail
    )


async def _masked(state: State, units: Sequence[Unit]) -> tuple[str, ...]:
    """The masked prompts; where a filler is too long for the model's context, the units are taken out instead."""
    masked = masked_prompts(state.incumbent.prompt, units, state.spec.mask_mode)
    try:
        await state.meter.count(state.train, masked)
    except TooLongError:
        return masked_prompts(state.incumbent.prompt, units, "delete")
    return masked


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
            candidate = state.new_candidate(proposal.text, proposal.example_index, proposal.num_tokens)
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
    rewrites = [read_rewrite(completion, state.incumbent.prompt) for _, completion in texts]
    counts = await state.ports.count_tokens([rewrite or "" for rewrite in rewrites])
    return [
        state.rail.judge(index, completion.text, rewrite, count)
        for (index, completion), rewrite, count in zip(texts, rewrites, counts, strict=True)
    ]
