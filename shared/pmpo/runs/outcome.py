"""The result of a job on the wire, by its kind."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.contracts.jobs import JobSpec, ResultView, SplitSizes
from pmpo.contracts.modes import RationalesView, RowWithoutRationale
from pmpo.errors import ConflictError
from pmpo.optim.events import Event, RationalesFinished, RowRationalized
from pmpo.optim.types import ModelIdentity
from pmpo.runs.modes import rationale_rule
from pmpo.runs.result import result_view


def job_result(
    job_id: str, job: JobSpec, events: Sequence[Event], splits: SplitSizes, identity: ModelIdentity | None
) -> ResultView | RationalesView:
    """What the job found, from all its events in order.

    Raises:
        ConflictError: it has not come to its end.
    """
    if job.kind == "rationalize":
        return rationales_view(job_id, job, events)
    return result_view(job_id, job.name, events, splits, identity, objective=job.objective)


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
