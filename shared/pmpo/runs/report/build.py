"""The whole report: its parts put together."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.contracts.jobs import FINAL_STATES, JobSpec, JobView, ModelView
from pmpo.contracts.modes import KINDS_WITH_A_WINNER
from pmpo.contracts.reports import ReportView
from pmpo.errors import ConflictError
from pmpo.optim.events import Event
from pmpo.optim.types import Splits
from pmpo.runs.few_shot import demonstrations_view
from pmpo.runs.flat_pairs import flat_pair_views
from pmpo.runs.modes import compression_view
from pmpo.runs.objectives import objective_view
from pmpo.runs.report.agreement import agreement
from pmpo.runs.report.candidates import candidate_views, counted
from pmpo.runs.report.course import analyses, curve, demonstration_steps
from pmpo.runs.report.lineage import lineage
from pmpo.runs.report.outcome import budget_use, outcome_view, result_in
from pmpo.runs.report.tracks import Tracks
from pmpo.runs.rivals import scored_by


def report_view(
    job: JobSpec,
    view: JobView,
    splits: Splits,
    events: Sequence[Event],
    *,
    model: ModelView | None = None,
    with_losses: bool = False,
) -> ReportView:
    """Everything that a run has told, finished or not.

    Args:
        job: what was asked for.
        view: how the job stands.
        splits: its sets.
        events: all events that there are, in order.
        model: what its scores came from, where that is known.
        with_losses: with the losses of each candidate row by row.

    Raises:
        ConflictError: the job is of a kind that has candidates of no kind.
    """
    refuse_without_candidates(view)
    tracks = Tracks(events, scored_by(job))
    views = candidate_views(events, splits, tracks, with_losses=with_losses)
    result = result_in(events)
    outcome = outcome_view(job, splits, events, views, view.stop_reason)
    return ReportView(
        job_id=view.id,
        name=view.name,
        kind=view.kind,
        algorithm=job.optimizer.algorithm,
        state=view.state,
        attempts=view.attempts,
        is_partial=result is None,
        note=_note(view) if result is None else "",
        failure=view.failure,
        warnings=view.warnings,
        splits=view.splits,
        objective=objective_view(job.objective),
        scored_by=scored_by(job),
        model=model,
        outcome=outcome,
        budget=budget_use(job, events),
        curve=curve(events),
        candidates=views,
        counts=counted(views),
        lineage=lineage(views, outcome.best_id),
        units=analyses(events),
        correlation=agreement(views),
        flat_pairs=flat_pair_views(events, job.objective),
        demonstrations=None if result is None else demonstrations_view(result.demonstrations),
        demonstration_steps=demonstration_steps(events),
        compression=None if result is None else compression_view(result.compression),
        webhook=view.webhook,
    )


def refuse_without_candidates(view: JobView) -> None:
    """Raises ConflictError: the job searches for no prompt, so that there is nothing to report of candidates."""
    if view.kind in KINDS_WITH_A_WINNER:
        return
    found = f"see every row of what it found with GET /v1/jobs/{view.id}/result or `pmpo result {view.id}`"
    so_far = f"what it has found so far stands in its events: GET /v1/jobs/{view.id}/events"
    raise ConflictError(
        f"job {view.id} is of kind {view.kind}: it searches for no prompt, so it has no report, candidates or changes; "
        f"{found if view.state == 'succeeded' else so_far}"
    )


def _note(view: JobView) -> str:
    """Why the report is partial."""
    if view.state == "failed" and view.failure is not None:
        return f"The job failed ({view.failure.message}); this is what it had found until then. Nothing was tested."
    if view.state in FINAL_STATES:
        return f"The job was {view.state} before its end; this is what it had found until then. Nothing was tested."
    return f"The job is {view.state}: this is what it has found so far, and nothing is tested yet."
