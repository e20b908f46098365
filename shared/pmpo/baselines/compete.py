"""The loop that every rival runs in: score the seed, go round by round, stop honestly, test once at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np

from pmpo.baselines.bounds import minimum_rival_budget
from pmpo.baselines.ending import finished
from pmpo.baselines.measures import ErrorMeasure, LossMeasure, Measure
from pmpo.baselines.rival import Rival, View
from pmpo.baselines.rounds import run_round
from pmpo.baselines.spec import RivalSpec
from pmpo.baselines.standing import Standing
from pmpo.errors import InvalidInputError
from pmpo.optim.bounds import TokenCounts, largest_row_bytes, most_targets
from pmpo.optim.budget import Ledger, require
from pmpo.optim.events import Candidate, CandidateDropped, Event, SearchStarted, StopReason
from pmpo.optim.final_test import Held
from pmpo.optim.guards import Rejection
from pmpo.optim.journal import JournaledPorts, SearchPorts
from pmpo.optim.meter import BudgetExhaustedError, LossTable, Meter
from pmpo.optim.proposing import GuardRail, texts_to_keep
from pmpo.optim.types import Splits

MIN_PERFECT_ROWS = 5  # as for PMPO: a few right answers by luck are no reason to stop


async def compete(rival: Rival, spec: RivalSpec, splits: Splits, ports: SearchPorts) -> AsyncIterator[Event]:
    """Run ``rival`` (a fresh one) from ``spec.base.prompt``, under the rules of ``pmpo.optim.search``.

    Yields the same frozen events, numbered from 1, SearchFinished last; the same rival, spec, splits and port answers
    give the same events. Every candidate ends in exactly one CandidateDropped or IncumbentAccepted: those that are in
    the rival's population at the end are dropped then. Under accuracy the losses in CandidateScored are errors, 0 or 1.

    Raises:
        InvalidInputError: scored by accuracy, and there is no grader.
        BudgetTooSmallError: the caps do not cover the start, one round and the final test.
        JournalMismatchError: the journal to replay belongs to another run.
        PmpoError: whatever a port raises.
    """
    standing = _fresh(rival, spec, splits, ports)
    held = await _reserve(standing, rival, splits)
    await _measure_seed(standing)
    view = _view(standing)
    yield _started(standing, rival)
    stop, detail = await _stop_reason(standing, rival), ""
    while stop is None:
        try:
            async for event in run_round(standing, rival, view):
                yield event
            stop = await _stop_reason(standing, rival)
        except BudgetExhaustedError as exhausted:
            stop, detail = "budget", str(exhausted)
    for event in _left_over(standing, detail):
        yield event
    yield await finished(standing, held, stop, detail)


def _fresh(rival: Rival, spec: RivalSpec, splits: Splits, ports: SearchPorts) -> Standing:
    base, kind = spec.base, spec.measure_for(rival.published)
    grader = ports.grader if base.with_accuracy else None
    if kind == "accuracy" and grader is None:
        raise InvalidInputError("scoring by accuracy needs a metric; name one, or score by loss")
    journaled, ledger = JournaledPorts(ports), Ledger(base.caps, base.prices)
    meter = Meter(journaled, ledger, base.objective, grader)
    train, validation = LossTable(splits.train), LossTable(splits.validation)
    score: Measure = LossMeasure(meter, train)
    gate: Measure = LossMeasure(meter, validation)
    answers = None if grader is None else ErrorMeasure(meter, splits.validation, grader, base.max_answer_tokens)
    if kind == "accuracy" and grader is not None and answers is not None:
        score, gate = ErrorMeasure(meter, splits.train, grader, base.max_answer_tokens), answers
    seed = Candidate(0, base.prompt)
    return Standing(
        spec=spec,
        kind=kind,
        ports=journaled,
        ledger=ledger,
        meter=meter,
        rail=GuardRail(base, splits.train),
        train=train,
        validation=validation,
        test=LossTable(splits.test),
        score=score,
        gate=gate,
        answers=answers,
        seed=seed,
        incumbent=seed,
        rng=np.random.default_rng(base.seed),
        candidates=[seed],
    )


async def _reserve(standing: Standing, rival: Rival, splits: Splits) -> Held:
    base = standing.spec.base
    rows: list[list[int]] = []
    for table in (standing.train, standing.validation, standing.test):
        await standing.meter.count(table, [base.prompt])
        known = table.counts(base.prompt)
        rows.append([] if known is None else [int(count) for count in known])
    (prompt_tokens,) = await standing.ports.count_tokens([base.prompt])
    standing.count_seed(prompt_tokens)
    row, most = largest_row_bytes(splits.train), most_targets(splits)
    train, validation, test = rows
    counts = TokenCounts(train, validation, test, prompt_tokens, (), row, most)
    require(base.caps, minimum_rival_budget(counts, standing.spec, rival))
    return Held.reserved(standing.ledger, counts, base)


async def _measure_seed(standing: Standing) -> None:
    """Losses for the report, the accuracy on the validation set with a metric, and the rival's own score."""
    prompt = standing.seed.prompt
    await standing.meter.measure(standing.train, [prompt])
    await standing.meter.measure(standing.validation, [prompt])
    if standing.answers is not None:
        await standing.answers.measure([prompt])
    await standing.score.measure([prompt])


def _view(standing: Standing) -> View:
    base = standing.spec.base
    seed = standing.ranked(standing.seed)
    return View(seed, standing.train.examples, base.task, tuple(texts_to_keep(base)), standing.kind, standing.rng)


def _started(standing: Standing, rival: Rival) -> SearchStarted:
    prompt = standing.seed.prompt
    return SearchStarted(
        number=standing.number(),
        seed=standing.seed,
        num_train=len(standing.train),
        num_validation=len(standing.validation),
        num_test=len(standing.test),
        max_iterations=_max_rounds(standing, rival),
        train_loss=standing.train.mean(prompt),
        validation_loss=standing.validation.mean(prompt),
        train_losses=standing.train.complete(prompt),
        train_indices=tuple(example.index for example in standing.train.examples),
        validation_accuracy=standing.validation_accuracy,
        validation_losses=standing.validation.complete(prompt),
        train_errors=standing.score.table.complete(prompt) if standing.kind == "accuracy" else (),
    )


async def _stop_reason(standing: Standing, rival: Rival) -> StopReason | None:
    """Why to stop before the next round; None to go on. PMPO's rules, in its order."""
    base = standing.spec.base
    if standing.iteration < rival.min_rounds:
        return None
    if standing.validation_accuracy == 1.0 and len(standing.validation) >= MIN_PERFECT_ROWS:
        return "perfect"
    if base.target_loss is not None and standing.train.mean(standing.incumbent.prompt) <= base.target_loss:
        return "target"
    if standing.rounds_without_rewrites >= min(base.patience, _max_rounds(standing, rival)):
        return "no_rewrites"
    if standing.iteration >= _max_rounds(standing, rival):
        return "iterations"
    if standing.rounds_without >= base.patience:
        return "patience"
    if base.caps.seconds is not None and await standing.ports.elapsed_s() >= base.caps.seconds:
        return "budget"
    return None


def _max_rounds(standing: Standing, rival: Rival) -> int:
    iterations = standing.spec.base.iterations
    return iterations if rival.max_rounds is None else min(iterations, rival.max_rounds)


def _left_over(standing: Standing, detail: str) -> list[CandidateDropped]:
    """The ends of all candidates that nothing was decided about: cut off by the budget, refused, or second."""
    events = []
    for candidate in list(standing.undecided.values()):
        if candidate.id in standing.in_round:
            why = Rejection("budget", detail)
        else:
            second = Rejection("selection", f"candidate {standing.incumbent.id} is the one that was chosen")
            why = standing.refusals.get(candidate.id, second)
        events.append(standing.dropped(candidate, why))
    return events
