"""The outcome of a report: verdict and numbers before and after, as far as the run has come, and what it used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pmpo.contracts.candidates import CandidateView
from pmpo.contracts.jobs import JobSpec, Progress
from pmpo.contracts.reports import BudgetUse, OutcomeView, RowLosses, UseView
from pmpo.optim.events import (
    Event,
    IterationStarted,
    SearchFinished,
    SearchRestarted,
    SearchResult,
    SearchStarted,
    TestComparison,
)
from pmpo.optim.types import Example, Splits
from pmpo.runs.progress import advance
from pmpo.runs.result import test_view


def result_in(events: Sequence[Event]) -> SearchResult | None:
    """The result, when the run has come to its end."""
    return next((event.result for event in reversed(events) if isinstance(event, SearchFinished)), None)


def outcome_view(
    job: JobSpec, splits: Splits, events: Sequence[Event], views: Sequence[CandidateView], stop_reason: str | None
) -> OutcomeView:
    """Where the run ended or stands.

    Args:
        job: what was asked for.
        splits: its sets.
        events: all events that there are, in order.
        views: the run's candidates.
        stop_reason: why the job stopped, where its events do not tell.
    """
    result = result_in(events)
    seed = next((view for view in views if view.id == 0), None)
    best = next((view for view in views if view.is_best), seed)
    test = None if result is None else result.test
    before, after = _losses_of(seed), _losses_of(best)
    if result is not None:  # with demonstrations its training losses are both over the rows that are left to score
        before = _Losses(result.train_loss_before, result.validation_loss_before)
        after = _Losses(result.train_loss_after, result.validation_loss_after)
    return OutcomeView(
        verdict=None if result is None else result.verdict,
        stop_reason=stop_reason if result is None else result.stop_reason,
        detail="" if result is None else result.detail,
        prompt_before=job.prompt,
        prompt_after=job.prompt if best is None else best.prompt,
        best_id=0 if best is None or best.id is None else best.id,
        tokens_before=None if seed is None else seed.num_tokens,
        tokens_after=None if best is None else best.num_tokens,
        train_loss_before=before.train,
        train_loss_after=after.train,
        validation_loss_before=before.validation,
        validation_loss_after=after.validation,
        validation_accuracy_before=None if seed is None else seed.validation_accuracy,
        validation_accuracy_after=None if best is None else best.validation_accuracy,
        test=test_view(test),
        test_losses=_row_losses(test, splits.test),
        num_iterations=max((event.iteration for event in events if isinstance(event, IterationStarted)), default=0),
        max_iterations=_max_iterations(events, job),
        num_accepted=sum(view.fate == "accepted" and view.iteration > 0 and not view.reason for view in views),
        num_restarts=sum(isinstance(event, SearchRestarted) for event in events),
        num_seeds=max(1, sum(view.id is not None and view.parent_id is None for view in views)),
    )


def budget_use(job: JobSpec, events: Sequence[Event]) -> BudgetUse:
    """What the run used, as far as its events tell, beside the caps of the job."""
    spent, caps = Progress(), job.budget
    for event in events:
        spent = advance(spent, event)
    return BudgetUse(
        scored_tokens=UseView(used=spent.scored_tokens, cap=caps.scored_tokens),
        generated_tokens=UseView(used=spent.generated_tokens, cap=caps.generated_tokens),
        seconds=UseView(used=spent.seconds, cap=caps.seconds),
        money=None if spent.money is None else UseView(used=spent.money, cap=caps.money),
        computed_tokens=spent.computed_tokens,
    )


class _Losses(NamedTuple):
    train: float | None
    validation: float | None


def _losses_of(view: CandidateView | None) -> _Losses:
    return _Losses(None, None) if view is None else _Losses(view.train_loss, view.validation_loss)


def _max_iterations(events: Sequence[Event], job: JobSpec) -> int:
    """As the search has it: a compression has one a unit."""
    started = next((event for event in events if isinstance(event, SearchStarted)), None)
    return job.optimizer.iterations if started is None else started.max_iterations


def _row_losses(test: TestComparison | None, examples: Sequence[Example]) -> RowLosses | None:
    if test is None:
        return None
    rows = [example.index for example in examples]
    return RowLosses(rows=rows, before=list(test.losses_before), after=list(test.losses_after))
