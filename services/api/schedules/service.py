"""What the schedule routes mean. Making the jobs is the janitor's."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import replace

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.schedules import (
    MAX_SCHEDULES,
    ScheduleDeleted,
    ScheduleOutcome,
    SchedulesPage,
    ScheduleSpec,
    ScheduleView,
)
from pmpo.errors import NotFoundError
from services.api.jobs.service import JobService
from services.store.idempotency import KeyedRequest
from services.store.schedule_records import NewSchedule, ScheduleRecord, first_record
from services.store.schedules import no_such_schedule
from services.store.store import Store
from services.timetable.cron import CronLine
from services.timetable.windows import Window
from services.timetable.zones import read_zone

NUM_LOOKED_AT = 50


class ScheduleService:
    """Schedules as the API's callers see them."""

    def __init__(self, store: Store, jobs: JobService) -> None:
        self._store = store
        self._jobs = jobs

    async def create(
        self, project: str, spec: ScheduleSpec, request: KeyedRequest | None = None
    ) -> tuple[ScheduleView, bool]:
        """Check the schedule and, as if it were submitted now, its job; save both.

        Returns:
            the answer, and whether it is that of an earlier request of the same key and body.

        Raises:
            InvalidInputError: no cron line that fires, no time zone, no window, or a job that cannot be run.
            NotFoundError: a data set that the project does not have.
            ConflictError: the project has as many schedules as it may have.
        """
        known = await self._store.remembered.find(request) if request else None
        if known is not None:
            return ScheduleView.model_validate_json(known), True
        now, zone = time.time(), read_zone(spec.timezone)
        cron = CronLine.read(spec.cron, zone, now)
        window = None if spec.window is None else spec.window.strip()
        warnings = () if window is None else _about_window(cron, Window.read(window, zone), now)
        template = await self._jobs.prepared(project, _in_its_queue(spec.job))
        new = NewSchedule(
            id=f"sch_{secrets.token_hex(8)}",
            name=spec.name or spec.job.name,
            cron=cron.text,
            timezone=zone.key,
            overlap=spec.overlap,
            catch_up=spec.catch_up,
            window=window,
            created_at=now,
            next_at=cron.next_second(now),
            template=replace(template, warnings=(*template.warnings, *warnings)),
        )
        await self._hold(project, spec.job, new.id)
        view = first_record(new).view
        known = await self._store.schedules.create(new, MAX_SCHEDULES, request, view.model_dump_json().encode())
        if known is not None:  # the same request, sent twice at once
            await self._release(project, spec.job.dataset.ids.values(), new.id)
            return ScheduleView.model_validate_json(known), True
        return view, False

    async def all(self, project: str) -> SchedulesPage:
        """All of a project, newest first."""
        return SchedulesPage(schedules=[record.view for record in await self._store.schedules.of(project)])

    async def get(self, project: str, schedule_id: str) -> ScheduleView:
        """One schedule. Raises NotFoundError: the project has none of that id."""
        return (await self._owned(project, schedule_id)).view

    async def pause(self, project: str, schedule_id: str) -> ScheduleView:
        """Make no jobs until it is resumed; one that is under way goes on. Again: nothing changes.

        Raises:
            NotFoundError: the project has none of that id.
        """
        await self._store.schedules.pause(await self._owned(project, schedule_id))
        return await self.get(project, schedule_id)

    async def resume(self, project: str, schedule_id: str) -> ScheduleView:
        """Make jobs again. Times that came meanwhile are missed, or made up for by one job, as the schedule catches up.

        One that is not paused stays as it is.

        Raises:
            NotFoundError: the project has none of that id.
        """
        record = await self._owned(project, schedule_id)
        if record.view.paused_at is not None:
            next_at, missed, number = _after_pause(record, time.time())
            await self._store.schedules.resume(record, next_at, missed, number)
        return await self.get(project, schedule_id)

    async def delete(self, project: str, schedule_id: str) -> ScheduleDeleted:
        """Make no more jobs. One that its window keeps paused stays so: the window was there to keep it from running.

        Raises:
            NotFoundError: the project has none of that id.
        """
        record = await self._owned(project, schedule_id)
        await self._store.schedules.delete(record)
        await self._release(project, record.datasets, schedule_id)
        return ScheduleDeleted(id=schedule_id, held_job_id=await self._still_held(record))

    async def _still_held(self, record: ScheduleRecord) -> str | None:
        """The job that its window held, unless somebody resumed, cancelled or deleted that meanwhile."""
        if not record.held_job:
            return None
        try:
            state = await self._store.jobs.state(record.held_job)
        except NotFoundError:
            return None
        return record.held_job if state == "paused" else None

    async def _owned(self, project: str, schedule_id: str) -> ScheduleRecord:
        record = await self._store.schedules.get(schedule_id)
        if record.project != project:
            raise no_such_schedule(schedule_id)
        return record

    async def _hold(self, project: str, job: JobSpec, schedule_id: str) -> None:
        if job.dataset.ids:
            await self._store.datasets.hold(project, list(job.dataset.ids.values()), f"schedule:{schedule_id}")

    async def _release(self, project: str, dataset_ids: Iterable[str], schedule_id: str) -> None:
        """Data sets that were never held, or are not stored, are no fault."""
        await self._store.datasets.release(project, list(dataset_ids), f"schedule:{schedule_id}")


def _in_its_queue(job: JobSpec) -> JobSpec:
    """A job that names no queue waits behind what people wait for."""
    return job if "queue" in job.model_fields_set else job.model_copy(update={"queue": "overnight"})


def _about_window(cron: CronLine, window: Window, now: float) -> tuple[str, ...]:
    """What should be known of a window in which no time of the line lies, as far as one looks."""
    moment = now
    for _ in range(NUM_LOOKED_AT):
        moment = cron.next_after(moment)
        if window.is_open(moment):
            return ()
    return (
        f"none of the next {NUM_LOOKED_AT} times of {cron.text!r} lies in its window: each job is made paused and runs "
        "when the window opens",
    )


def _after_pause(record: ScheduleRecord, now: float) -> tuple[int, ScheduleOutcome, int]:
    """When it goes on, what became of the times that came meanwhile, and how many of them are missed.

    A time that waited for the end of the last job still does.
    """
    due_at = int(record.view.next_at)
    missed = ScheduleOutcome(decision="missed", due_at=due_at, at=now, detail="")
    if due_at > now or record.waits or record.view.catch_up == "once":
        return due_at, missed, 0
    cron = CronLine(record.view.cron, read_zone(record.view.timezone))
    number = cron.num_fires(due_at, now)
    detail = f"the schedule was paused when it came; missed in a row: {number}"
    return cron.next_second(now), missed.model_copy(update={"detail": detail}), number
