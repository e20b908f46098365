"""The result of a job on the wire, by its kind."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.contracts.evaluation import EvaluatedPrompt, EvaluationView, HardRowView
from pmpo.contracts.jobs import JobSpec, ResultView, SplitSizes
from pmpo.contracts.modes import RationalesView, RowWithoutRationale
from pmpo.errors import ConflictError
from pmpo.optim.events import EvaluationFinished, Event, PromptEvaluated, RationalesFinished, RowRationalized
from pmpo.optim.types import ModelIdentity
from pmpo.runs.evaluation import measured_set
from pmpo.runs.jobspec import seeds_of
from pmpo.runs.modes import rationale_rule
from pmpo.runs.objectives import objective_view
from pmpo.runs.plain import to_plain
from pmpo.runs.result import model_view, result_view, test_view

JobResult = ResultView | RationalesView | EvaluationView


def job_result(
    job_id: str, job: JobSpec, events: Sequence[Event], splits: SplitSizes, identity: ModelIdentity | None
) -> JobResult:
    """What the job found, from all its events in order.

    Raises:
        ConflictError: it has not come to its end.
    """
    if job.kind == "rationalize":
        return rationales_view(job_id, job, events)
    if job.kind == "evaluate":
        return evaluation_view(job_id, job, events, identity)
    return result_view(job_id, job.name, events, splits, identity, objective=job.objective)


def read_result(kind: str, body: str | bytes) -> JobResult:
    """A stored result, by the kind of its job."""
    if kind == "rationalize":
        return RationalesView.model_validate_json(body)
    return (EvaluationView if kind == "evaluate" else ResultView).model_validate_json(body)


def rationales_view(job_id: str, job: JobSpec, events: Sequence[Event]) -> RationalesView:
    """The rows with their new targets, and those that got none. Raises ConflictError before the end."""
    finished = next((event for event in reversed(events) if isinstance(event, RationalesFinished)), None)
    if finished is None:
        raise ConflictError(f"job {job_id} has not come to its end, so it has no result; wait for it")
    read = [event for event in events if isinstance(event, RowRationalized)]
    kept = [event for event in read if event.target is not None]
    return RationalesView(
        job_id=job_id,
        name=job.name,
        stop_reason=finished.stop_reason,
        rows=[{**job.dataset.train[event.row], job.fields.target: event.target} for event in kept],
        row_numbers=[event.row for event in kept],
        without=[RowWithoutRationale(row=event.row, detail=event.detail) for event in read if event.target is None],
        samples=rationale_rule(job).samples,
        generated_tokens=finished.spent.generated_tokens,
        seconds=finished.spent.seconds,
    )


def evaluation_view(
    job_id: str, job: JobSpec, events: Sequence[Event], identity: ModelIdentity | None
) -> EvaluationView:
    """What each prompt is worth. Raises ConflictError before the end."""
    finished = next((event for event in reversed(events) if isinstance(event, EvaluationFinished)), None)
    if finished is None:
        raise ConflictError(f"job {job_id} has not come to its end, so it has no result; wait for it")
    found, spent = [event for event in events if isinstance(event, PromptEvaluated)], finished.spent
    return EvaluationView(
        job_id=job_id,
        name=job.name,
        stop_reason=finished.stop_reason,
        measured_set=measured_set(job),
        num_rows=finished.num_rows,
        prompts=[_evaluated(event) for event in found],
        not_evaluated=list(seeds_of(job)[len(found) :]),
        objective=objective_view(job.objective),
        model=model_view(identity),
        scored_tokens=spent.scored_tokens,
        computed_tokens=spent.computed_tokens,
        generated_tokens=spent.generated_tokens,
        seconds=spent.seconds,
        money=spent.money,
    )


def _evaluated(event: PromptEvaluated) -> EvaluatedPrompt:
    return EvaluatedPrompt(
        prompt=event.prompt,
        num_tokens=event.num_tokens,
        loss=event.loss,
        standard_error=event.standard_error,
        accuracy=event.accuracy,
        preferred=event.preferred,
        rows=list(event.rows),
        losses=list(event.losses),
        grades=None if event.grades is None else list(event.grades),
        hardest=[HardRowView.model_validate(to_plain(hard)) for hard in event.hardest],
        comparison=test_view(event.comparison),
    )
