"""A schedule as the store holds it: the fields of one hash, read back into typed values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pmpo.contracts.schedules import CatchUp, Overlap, ScheduleOutcome, ScheduleView
from services.store.records import NewJob

TEXT_FIELDS = ("project", "name", "cron", "timezone", "overlap", "catch_up", "window", "kind", "queue")
COUNT_FIELDS = ("num_runs", "num_skipped", "num_missed", "num_refused")
MOMENT_FIELDS = ("created_at", "next_at", "last_at", "paused_at")
FIELDS = (*TEXT_FIELDS, *COUNT_FIELDS, *MOMENT_FIELDS, "last_job_id", "outcome", "held_job", "waits", "about")


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """What is saved when a schedule comes in. ``template`` is the job without an id of its own."""

    id: str
    name: str
    cron: str
    timezone: str
    overlap: Overlap
    catch_up: CatchUp
    window: str | None
    created_at: float
    next_at: int
    template: NewJob


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """A schedule without the large parts of its template.

    Attributes:
        view: what the API shows.
        project: whose it is.
        held_job: the job that its window keeps paused; empty for none.
        waits: whether the time that has come waits for the end of the last job.
        datasets: ids of the job's sets by their content, whether they are stored or not.
    """

    view: ScheduleView
    project: str
    held_job: str
    waits: bool
    datasets: tuple[str, ...]

    @property
    def id(self) -> str:
        """The schedule's id."""
        return self.view.id

    @property
    def stamp(self) -> str:
        """The time that comes next, as it stands in the store."""
        return str(int(self.view.next_at))


def first_fields(new: NewSchedule) -> Mapping[str, str | bytes | float]:
    """The hash of a new schedule."""
    job = new.template
    about = {
        "name": job.name,
        "kind": job.kind,
        "queue": job.queue,
        "split_sizes": job.split_sizes.model_dump(),
        "warnings": list(job.warnings),
        "prompt": job.prompt,
        "webhook": job.webhook,
        "datasets": dict(job.datasets),
    }
    return {
        "project": job.project,
        "name": new.name,
        "cron": new.cron,
        "timezone": new.timezone,
        "overlap": new.overlap,
        "catch_up": new.catch_up,
        "window": new.window or "",
        "kind": job.kind,
        "queue": job.queue,
        "created_at": new.created_at,
        "next_at": new.next_at,
        "about": json.dumps(about),
        "spec": job.spec,
        "splits": job.splits,
        "terms": job.terms,
    }


def first_record(new: NewSchedule) -> ScheduleRecord:
    """The record of a schedule that is being saved now."""
    fields = first_fields(new)
    values = [str(fields.get(name, "")).encode() for name in FIELDS]
    record = read_record(new.id, values)
    assert record is not None, "a new schedule has a time"
    return record


def read_record(schedule_id: str, values: Sequence[bytes | None]) -> ScheduleRecord | None:
    """The record from the values of ``FIELDS``, in that order; None when there is no such schedule."""
    found = {name: value.decode() for name, value in zip(FIELDS, values, strict=True) if value}
    if "next_at" not in found:
        return None
    shown = {name: found[name] for name in TEXT_FIELDS if name in found and name != "project"}
    about = json.loads(found["about"])
    outcome = ScheduleOutcome.model_validate_json(found["outcome"]) if "outcome" in found else None
    view = ScheduleView.model_validate(
        {
            "id": schedule_id,
            "name": "",
            "window": None,
            **shown,
            **{name: int(found.get(name, 0)) for name in COUNT_FIELDS},
            **{name: float(found[name]) if name in found else None for name in MOMENT_FIELDS},
            "last_job_id": found.get("last_job_id"),
            "last_outcome": outcome,
            "warnings": about["warnings"],
        }
    )
    datasets = tuple(about["datasets"].values())
    return ScheduleRecord(view, found["project"], found.get("held_job", ""), found.get("waits") == "1", datasets)
