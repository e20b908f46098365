"""Compression: delete what the prompt does not need, and test whether it is worse for it (after ProCut, 2508.02053).

The units are measured once, on the whole prompt. Those with an importance of at most epsilon are tried from the least
important on. Just before a unit goes it is measured again, on the prompt as it then is: two sentences that say the same
are each worth nothing and worth much together. This costs two passes over the training examples a unit, where measuring
all of them anew after every deletion would cost as many passes as there are units.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import numpy as np

from pmpo.optim.beginning import fresh, seed_counts
from pmpo.optim.budget import require
from pmpo.optim.deletion import (
    DeletionRule,
    compression_spec,
    deletable_units,
    minimum_compression_budget,
    without_units,
)
from pmpo.optim.ends import started, tested
from pmpo.optim.events import (
    Candidate,
    CandidateProposed,
    CandidateScored,
    Event,
    IncumbentAccepted,
    IterationFinished,
    IterationStarted,
    SearchFinished,
    StopReason,
    UnitsMeasured,
)
from pmpo.optim.final_test import Held
from pmpo.optim.guards import Rejection
from pmpo.optim.importance import importances, masked_prompts
from pmpo.optim.journal import SearchPorts
from pmpo.optim.meter import BudgetExhaustedError
from pmpo.optim.mode_results import Compression, UnitFate
from pmpo.optim.non_inferiority import against_margin, not_worse_verdict
from pmpo.optim.results import Ending, finished
from pmpo.optim.spec import SearchSpec
from pmpo.optim.state import State
from pmpo.optim.types import Splits, Unit, UnitImportance


@dataclass(slots=True)
class _Cut:
    """How far a compression is. ``fates`` are of the units that were tried, in that order."""

    state: State
    rule: DeletionRule
    units: tuple[Unit, ...]
    measured: tuple[UnitImportance, ...] = ()
    deleted: list[Unit] = field(default_factory=list)
    fates: dict[Unit, UnitFate] = field(default_factory=dict)
    tokens_before: int = 0
    tokens_now: int = 0


async def compress(spec: SearchSpec, rule: DeletionRule, splits: Splits, ports: SearchPorts) -> AsyncIterator[Event]:
    """Make ``spec.prompt`` shorter while its validation loss stays within ``rule.tolerance``.

    Yields the same events as ``search``: a deletion that is tried is an iteration with one candidate, which is accepted
    or dropped. What ``spec`` says about rewrites is not used. Cancel it by cancelling the task that runs it.

    Raises:
        InvalidInputError: there is nothing to compress.
        BudgetTooSmallError: the caps do not cover the importance of all units, one deletion and the final test.
        JournalMismatchError: the journal to replay belongs to another job.
        PmpoError: whatever a port raises.
    """
    cut = await _begin(spec, rule, splits, ports)
    yield started(cut.state)
    stop: StopReason = "all_tried"
    detail = ""
    try:
        yield await _measure_units(cut)
        for row in _order(cut):
            if await _is_late(cut):
                stop, detail = "budget", "the seconds are used up"
                break
            async for event in _try_without(cut, row):
                yield event
    except BudgetExhaustedError as exhausted:
        stop, detail = "budget", str(exhausted)
        for candidate in list(cut.state.undecided.values()):
            yield cut.state.dropped(candidate, Rejection("budget", detail))
    yield await _finished(cut, stop, detail)


async def _begin(spec: SearchSpec, rule: DeletionRule, splits: Splits, ports: SearchPorts) -> _Cut:
    units = deletable_units(spec.prompt, spec.protected, rule)
    state = fresh(compression_spec(spec, len(units)), splits, ports)
    counts = await seed_counts(state)
    require(spec.caps, minimum_compression_budget(counts, spec, rule))
    state.held = Held.reserved(state.ledger, counts, state.spec)
    await state.meter.measure(state.train, [spec.prompt])
    await state.meter.measure(state.validation, [spec.prompt])
    state.stand_on(state.seeds[0], None)
    return _Cut(state, rule, units, tokens_before=counts.prompt, tokens_now=counts.prompt)


async def _measure_units(cut: _Cut) -> UnitsMeasured:
    """Equation 2 for every unit of the whole prompt."""
    state = cut.state
    masked = masked_prompts(state.spec.prompt, cut.units)
    await state.meter.measure(state.train, masked)
    losses = np.array([state.train.row(text) for text in masked]).reshape(len(masked), len(state.train))
    cut.measured = importances(cut.units, losses, state.train.row(state.spec.prompt), state.train.weights)
    return UnitsMeasured(state.number(), 0, state.seeds[0].id, cut.measured)


def _order(cut: _Cut) -> list[UnitImportance]:
    """Those that may go, least important first; among equals the longer text."""
    inert = [row for row in cut.measured if row.delta <= cut.rule.epsilon]
    return sorted(inert, key=lambda row: (row.delta, -len(row.unit.text), row.unit.start))


async def _is_late(cut: _Cut) -> bool:
    seconds = cut.state.spec.caps.seconds
    return seconds is not None and await cut.state.ports.elapsed_s() >= seconds


async def _try_without(cut: _Cut, row: UnitImportance) -> AsyncIterator[Event]:
    """One iteration: score the prompt without one more unit, and delete it or keep it."""
    state = cut.state
    trial = without_units(state.spec.prompt, [*cut.deleted, row.unit])
    if not trial:
        cut.fates[row.unit] = UnitFate(row.unit.text, row.delta, is_deleted=False, reason="last_unit")
        return
    state.iteration += 1
    incumbent_loss = state.train.mean(state.incumbent.prompt)
    yield IterationStarted(state.number(), state.iteration, state.incumbent.id, incumbent_loss, await state.spent())
    candidate = state.new_candidate(trial)
    yield CandidateProposed(state.number(), state.iteration, candidate)
    await state.meter.measure(state.train, [trial])
    yield _scored(state, candidate)
    refusal = await _refusal(cut, trial)
    cut.fates[row.unit] = await _fate(cut, row, trial, refusal)
    if refusal is None:
        yield _accept(cut, row.unit, replace(candidate, num_tokens=cut.tokens_now))
    else:
        yield state.dropped(candidate, refusal)
    prompt = state.incumbent.prompt
    yield IterationFinished(
        state.number(),
        state.iteration,
        refusal is None,
        state.train.mean(prompt),
        state.validation.mean(prompt),
        await state.spent(),
    )


async def _refusal(cut: _Cut, trial: str) -> Rejection | None:
    """Why the unit stays: it matters in the prompt as it is now, an anchor row needs it, or validation does."""
    state, rule = cut.state, cut.rule
    before, after = state.train.mean(state.incumbent.prompt), state.train.mean(trial)
    if after > before + rule.epsilon:
        return Rejection("train_loss", f"training loss {after:.4f} against {before:.4f}")
    for position, example in enumerate(state.train.examples):
        whole, shorter = state.train.row(state.seeds[0].prompt)[position], state.train.row(trial)[position]
        if example.index in state.spec.anchors and shorter > whole + state.spec.min_delta:
            return Rejection("anchor", f"anchor row {example.index}: loss {shorter:.4f} against {whole:.4f}")
    await state.meter.measure(state.validation, [trial])
    whole_loss, loss = state.validation.mean(state.seeds[0].prompt), state.validation.mean(trial)
    if loss > whole_loss + rule.tolerance:
        return Rejection("validation_loss", f"validation loss {loss:.4f} against {whole_loss:.4f} of the whole prompt")
    return None


async def _fate(cut: _Cut, row: UnitImportance, trial: str, refusal: Rejection | None) -> UnitFate:
    """Write down what became of a unit; one that goes is counted."""
    state, saved = cut.state, 0
    validation_loss = state.validation.mean(trial)
    if refusal is None:
        (num_tokens,) = await state.ports.count_tokens([trial])
        saved, cut.tokens_now = cut.tokens_now - num_tokens, num_tokens
    return UnitFate(
        text=row.unit.text,
        importance=row.delta,
        is_deleted=refusal is None,
        num_tokens=saved,
        train_loss=state.train.mean(trial),
        validation_loss=None if np.isnan(validation_loss) else validation_loss,
        reason="" if refusal is None else refusal.reason,
    )


def _accept(cut: _Cut, unit: Unit, candidate: Candidate) -> IncumbentAccepted:
    state = cut.state
    del state.undecided[candidate.id]
    cut.deleted.append(unit)
    state.stand_on(candidate, None)
    state.num_accepted += 1
    return state.accepted()


def _scored(state: State, candidate: Candidate) -> CandidateScored:
    rows = tuple(example.index for example in state.train.examples)
    losses = tuple(float(loss) for loss in state.train.row(candidate.prompt))
    return CandidateScored(state.number(), state.iteration, 0, candidate.id, rows, losses)


def _report(cut: _Cut) -> Compression:
    """Every unit with what became of it: the tried ones, those that the budget left out, the important ones."""
    untried = [row for row in _order(cut) if row.unit not in cut.fates]
    important = [row for row in cut.measured if row.delta > cut.rule.epsilon]
    rest = [
        UnitFate(row.unit.text, row.delta, is_deleted=False, reason=reason)
        for rows, reason in ((untried, "budget"), (important, "important"))
        for row in rows
    ]
    rule = cut.rule
    units = (*cut.fates.values(), *rest)
    return Compression(rule.epsilon, rule.tolerance, rule.margin, cut.tokens_before, cut.tokens_now, units)


async def _finished(cut: _Cut, stop: StopReason, detail: str) -> SearchFinished:
    state, rule = cut.state, cut.rule
    test, problem = await tested(state, state.incumbent)
    before, after = state.seeds[0].prompt, state.incumbent.prompt
    if test is not None:
        test = against_margin(test, state.test.weights, rule.margin, state.spec.seed)
    if not cut.deleted and not detail:
        detail = f"none of the {len(cut.measured)} units could go: each is needed, see what became of them"
    ending = Ending(
        stop_reason=stop,
        verdict=not_worse_verdict(test, rule.margin, changed=before != after),
        seed=state.seeds[0],
        best=state.incumbent,
        test=test,
        detail=detail or problem,
        compression=_report(cut),
    )
    return await finished(state, ending)
