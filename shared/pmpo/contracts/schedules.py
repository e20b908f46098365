"""Schedules on the wire: a job that is made again and again, at times of the clock on a wall."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.sections import Strict

Overlap = Literal["skip", "queue"]
CatchUp = Literal["none", "once"]
Decision = Literal["made", "skipped", "waiting", "missed", "refused", "failed"]
MAX_SCHEDULES = 200


class ScheduleSpec(Strict):
    """``POST /v1/schedules``.

    Attributes:
        name: what lists call it; the job's name when it is empty.
        cron: minute, hour, day, month, day of the week; or ``@daily`` and its like.
        timezone: whose clocks the line and the window are read against, such as ``Europe/Berlin``.
        overlap: what happens when a time comes and the last job is not over: ``skip`` that time, or ``queue``: start as
            soon as the last job is over.
        catch_up: what happens with times at which no worker ran, the schedule was paused, or there was no room for
            another job: ``none`` of them is made up for, or ``once`` for all.
        window: the time of day in which the jobs may run, such as ``22:00-06:00``: outside of it they are paused.
        job: what is made each time, in queue ``overnight`` when it names none. Its seed rises by one from job to job,
            so that each writes other rewrites.
    """

    name: Annotated[str, Field(max_length=200)] = ""
    cron: Annotated[str, Field(max_length=200)]
    timezone: Annotated[str, Field(max_length=100)] = "UTC"
    overlap: Overlap = "skip"
    catch_up: CatchUp = "none"
    window: Annotated[str, Field(max_length=20)] | None = None
    job: JobSpec


class ScheduleOutcome(Strict):
    """What became of a time, as far as a worker looked at it.

    Attributes:
        decision: ``made`` (the job is there), ``skipped`` or ``waiting`` (the last job is not over), ``missed`` (no
            worker ran, or the schedule was paused), ``refused`` (no room for another job), ``failed`` (it is tried
            again and again).
        due_at: the time; of several that were missed the first.
        at: when that was decided.
        detail: why, in a sentence; of ``made`` the job's id.
    """

    decision: Decision
    due_at: float
    at: float
    detail: str


class ScheduleView(Strict):
    """``GET /v1/schedules/{id}``. Times are seconds since the epoch.

    Attributes:
        next_at: when the next job is made; a time that has passed waits for the end of the last job, for room for
            another one, or for the end of a pause.
        paused_at: since when it makes no jobs; null while it makes them.
        last_at, last_job_id: of the last job; null before the first.
        last_outcome: what became of the last time that was looked at; null before the first.
        num_runs: jobs made so far.
        num_skipped: times that came while the last job was not over.
        num_missed: times that came while no worker ran or the schedule was paused, as far as nothing made up for them.
        num_refused: times at which there was no room for another job, as far as nothing made up for them.
        warnings: about the job, as ``POST /v1/jobs`` says them.
    """

    id: str
    name: str
    cron: str
    timezone: str
    overlap: Overlap
    catch_up: CatchUp
    window: str | None
    kind: str
    queue: str
    created_at: float
    next_at: float
    paused_at: float | None = None
    last_at: float | None
    last_job_id: str | None
    last_outcome: ScheduleOutcome | None = None
    num_runs: int
    num_skipped: int
    num_missed: int
    num_refused: int = 0
    warnings: list[str] = Field(default_factory=list)


class ScheduleDeleted(Strict):
    """``DELETE /v1/schedules/{id}``. Nothing lets ``held_job_id`` go on any more but a person.

    Attributes:
        id: of the schedule that is gone.
        held_job_id: the job that its window keeps paused; null when there is none.
    """

    id: str
    held_job_id: str | None


class SchedulesPage(Strict):
    """``GET /v1/schedules``: all of the project, newest first."""

    schedules: list[ScheduleView]
