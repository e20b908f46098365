"""One round of a rival: ask, guard, score, accept the best if it may be, let the rival choose who survives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from pmpo.baselines.bounds import MAX_CHALLENGERS
from pmpo.baselines.operators import operator_of
from pmpo.baselines.proposals import propose
from pmpo.baselines.rival import Rival, View
from pmpo.baselines.standing import Ranked, Standing
from pmpo.errors import TooLongError
from pmpo.optim.events import (
    Candidate,
    CandidateDropped,
    CandidateProposed,
    Event,
    IncumbentAccepted,
    IterationFinished,
    IterationStarted,
)
from pmpo.optim.guards import Rejection


async def run_round(standing: Standing, rival: Rival, view: View) -> AsyncIterator[Event]:
    """The events of one round. Raises BudgetExhaustedError where a call would not fit; what was known stays known."""
    standing.iteration += 1
    yield IterationStarted(
        standing.number(),
        standing.iteration,
        standing.incumbent.id,
        standing.train.mean(standing.incumbent.prompt),
        await standing.spent(),
    )
    pool: list[Candidate] = []
    async for proposed in propose(standing, operator_of(standing.spec), rival.asks(view), rival.room):
        if isinstance(proposed, CandidateProposed):
            pool.append(proposed.candidate)
        yield proposed
    standing.rounds_without_rewrites = 0 if pool else standing.rounds_without_rewrites + 1
    scored: list[Ranked] = []
    async for event in _score(standing, rival, pool, scored):
        yield event
    accepted = await _challenge(standing, rival, scored)
    if accepted is not None:
        yield accepted
    standing.rounds_without = 0 if accepted is not None else standing.rounds_without + 1
    for candidate, why in rival.take(scored):
        if candidate.id in standing.undecided:
            yield standing.dropped(candidate, why)
    standing.in_round.clear()
    yield await _round_finished(standing, accepted is not None)


async def _score(
    standing: Standing, rival: Rival, pool: Sequence[Candidate], scored: list[Ranked]
) -> AsyncIterator[Event]:
    """Drop what does not fit into the model's context, score the rest; ``scored`` gets them in the pool's order."""
    fitting = await _fitting(standing, pool)
    for candidate in pool:
        if candidate not in fitting:
            yield _too_long(standing, candidate)
    async for event in rival.evaluation.run(standing, fitting):
        yield event
    scored.extend(standing.ranked(candidate) for candidate in fitting)


async def _fitting(standing: Standing, pool: Sequence[Candidate]) -> list[Candidate]:
    """Those that fit with every example, the test's too. Asked together, one by one if need be."""
    try:
        for table in (standing.train, standing.validation, standing.test):
            await standing.meter.count(table, [candidate.prompt for candidate in pool])
    except TooLongError:
        if len(pool) < 2:
            return []
        alone = [await _fitting(standing, [candidate]) for candidate in pool]
        return [candidate for fitting in alone for candidate in fitting]
    return list(pool)


async def _challenge(standing: Standing, rival: Rival, scored: Sequence[Ranked]) -> IncumbentAccepted | None:
    """Try the best complete candidates of the round, best first, until one is accepted; ties go to the earlier one."""
    complete = sorted((ranked for ranked in scored if ranked.is_complete), key=lambda ranked: ranked.score)
    for ranked in complete[:MAX_CHALLENGERS]:
        refusal = await rival.acceptance.refusal(standing, ranked.candidate)
        if refusal is None:
            return await _accept(standing, ranked.candidate)
        standing.refusals[ranked.candidate.id] = refusal
    return None


async def _accept(standing: Standing, candidate: Candidate) -> IncumbentAccepted:
    """Make it the incumbent, with its losses and its accuracy for the report where they are not known."""
    await standing.meter.measure(standing.train, [candidate.prompt])
    await standing.meter.measure(standing.validation, [candidate.prompt])
    if standing.answers is not None:
        await standing.answers.measure([candidate.prompt])
    del standing.undecided[candidate.id]
    standing.incumbent = candidate
    standing.num_accepted += 1
    return standing.accepted()


async def _round_finished(standing: Standing, accepted: bool) -> IterationFinished:
    prompt = standing.incumbent.prompt
    train, validation = standing.train.mean(prompt), standing.validation.mean(prompt)
    spent = await standing.spent()
    return IterationFinished(standing.number(), standing.iteration, accepted, train, validation, spent)


def _too_long(standing: Standing, candidate: Candidate) -> CandidateDropped:
    why = Rejection("too_long", "with the longest example it exceeds the model's context")
    return standing.dropped(candidate, why)
