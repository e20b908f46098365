"""The duty to make jobs of schedules whose time has come. Each time is used once: see ``services.store.schedules``."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import replace

from pmpo.contracts.jobs import FINAL_STATES, JobSpec
from pmpo.errors import NotFoundError, PmpoError, StoreUnavailableError
from pmpo.runtime.logs import get_logger
from services.queues import JobQueues
from services.store.records import NewJob
from services.store.schedules import ScheduleRecord
from services.store.store import Store
from services.timetable.cron import CronLine
from services.timetable.windows import Window
from services.timetable.zones import read_zone

log = get_logger()
GRACE_S = 300.0
MOST_COUNTED = 1_000


class MakingJobs:
    """Looks at every schedule that is due."""

    name = "schedules"
    interval_s = 0.0

    def __init__(self, store: Store, queues: JobQueues) -> None:
        self._store = store
        self._queues = queues

    async def perform(self) -> None:
        """Make the jobs whose time has come. A schedule that fails holds up no other."""
        for record in await self._store.schedules.due(time.time()):
            try:
                await self._look_at(record, time.time())
            except StoreUnavailableError:
                raise
            except PmpoError as error:
                log.warning("schedule_failed", schedule_id=record.id, reason=error.message)

    async def _look_at(self, record: ScheduleRecord, now: float) -> None:
        cron = CronLine(record.view.cron, read_zone(record.view.timezone))
        next_at = math.ceil(cron.next_after(now))
        is_missed = now - record.view.next_at > GRACE_S and not record.waits
        if is_missed and record.view.catch_up == "none":
            await self._store.schedules.pass_over(record, next_at, "num_missed", _num_fires(cron, record, now))
            return
        if not await self._is_busy(record):
            await self._make(record, next_at, now)
        elif record.view.overlap == "skip":
            await self._store.schedules.pass_over(record, next_at, "num_skipped")
        elif not record.waits:
            await self._store.schedules.let_wait(record)

    async def _make(self, record: ScheduleRecord, next_at: int, now: float) -> None:
        job = _job_of(record, await self._store.schedules.template(record.id))
        ids = list(JobSpec.model_validate_json(job.spec).dataset.ids.values())
        if ids:
            await self._store.datasets.hold(record.project, ids, f"job:{job.id}")
        is_held = not _is_open(record, now)
        if not await self._store.schedules.run(record, next_at, job, is_held=is_held):
            return  # another janitor was first, or the schedule is gone
        log.info("scheduled_job_made", schedule_id=record.id, job_id=job.id, is_held=is_held)
        if not is_held:
            await self._store.jobs.note_entry(job.id, await self._queues.put(job.id, job.queue))

    async def _is_busy(self, record: ScheduleRecord) -> bool:
        """Whether its last job is not over."""
        if record.view.last_job_id is None:
            return False
        try:
            return await self._store.jobs.state(record.view.last_job_id) not in FINAL_STATES
        except NotFoundError:
            return False


def job_id_of(schedule_id: str, due_at: float) -> str:
    """The id of the job that a schedule makes for a time: the same whoever makes it."""
    return hashlib.sha256(f"{schedule_id}:{int(due_at)}".encode()).hexdigest()[:20]


def _job_of(record: ScheduleRecord, template: NewJob) -> NewJob:
    """The template with an id, and with a seed of its own: the job's plus the number of jobs before it."""
    spec = JobSpec.model_validate_json(template.spec)
    seeded = spec.model_copy(update={"seed": spec.seed + record.view.num_runs})
    job_id = job_id_of(record.id, record.view.next_at)
    return replace(template, id=job_id, spec=seeded.model_dump_json().encode())


def _is_open(record: ScheduleRecord, now: float) -> bool:
    text = record.view.window
    return text is None or Window.read(text, read_zone(record.view.timezone)).is_open(now)


def _num_fires(cron: CronLine, record: ScheduleRecord, now: float) -> int:
    """How many times went by from the one that is due until now, up to a thousand."""
    number, moment = 0, record.view.next_at
    while moment <= now and number < MOST_COUNTED:
        number += 1
        moment = cron.next_after(moment)
    return number
