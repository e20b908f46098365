"""The duty to make jobs of schedules whose time has come. Each time is used once: see ``services.store.schedules``."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace

from pmpo.contracts.jobs import FINAL_STATES, JobSpec
from pmpo.contracts.schedules import Decision, ScheduleOutcome
from pmpo.errors import NotFoundError, PmpoError, StoreUnavailableError
from pmpo.runs.codec import decode_spec
from pmpo.runtime.logs import get_logger
from services.queues import JobQueues
from services.store.admission import JobCounts, JobLimits
from services.store.records import NewJob
from services.store.schedule_records import ScheduleRecord
from services.store.store import Store
from services.timetable.cron import CronLine
from services.timetable.windows import Window
from services.timetable.zones import read_zone

log = get_logger()
GRACE_S = 300.0


@dataclass(frozen=True, slots=True)
class _DueTime:
    """A time that has come: what is known of it when it is looked at."""

    record: ScheduleRecord
    now: float

    @property
    def cron(self) -> CronLine:
        """When the schedule's times come."""
        return CronLine(self.record.view.cron, read_zone(self.record.view.timezone))

    @property
    def next_at(self) -> int:
        """The time after now."""
        return self.cron.next_second(self.now)

    @property
    def is_late(self) -> bool:
        """Whether it is seen too late to count as in time; one that waits for a job does not grow late."""
        return self.now - self.record.view.next_at > GRACE_S and not self.record.waits

    @property
    def num_fires(self) -> int:
        """How many times went by, with this one."""
        return self.cron.num_fires(self.record.view.next_at, self.now)

    def outcome(self, decision: Decision, detail: str) -> ScheduleOutcome:
        """What became of it."""
        return ScheduleOutcome(decision=decision, due_at=self.record.view.next_at, at=self.now, detail=detail)


class MakingJobs:
    """Looks at every schedule that is due."""

    name = "schedules"
    interval_s = 0.0

    def __init__(self, store: Store, queues: JobQueues, limits: JobLimits | None = None) -> None:
        """``limits``: how many jobs there may be; None: any number."""
        self._store = store
        self._queues = queues
        self._limits = limits

    async def perform(self) -> None:
        """Make the jobs whose time has come. A schedule that fails holds up no other."""
        for record in await self._store.schedules.due(time.time()):
            due = _DueTime(record, time.time())
            try:
                await self._look_at(due)
            except StoreUnavailableError:
                raise
            except PmpoError as error:
                log.warning("schedule_failed", schedule_id=record.id, reason=error.message)
                told = due.outcome("failed", f"{error.message}; tried again at every look")
                await self._store.schedules.put_off(record, record.view.next_at, told, waits=record.waits)

    async def _look_at(self, due: _DueTime) -> None:
        record, schedules = due.record, self._store.schedules
        if due.is_late and record.view.catch_up == "none":
            number = due.num_fires
            missed = due.outcome("missed", f"no worker ran when it came; missed in a row: {number}")
            await schedules.pass_over(record, due.next_at, missed, "num_missed", number)
            return
        unfinished = await self._unfinished(record)
        if not unfinished:
            await self._make(due)
        elif record.view.overlap == "skip":
            skipped = due.outcome("skipped", f"{unfinished}, and the schedule skips times that come meanwhile")
            await schedules.pass_over(record, due.next_at, skipped, "num_skipped")
        elif not record.waits:
            await schedules.put_off(record, record.view.next_at, due.outcome("waiting", unfinished), waits=True)

    async def _make(self, due: _DueTime) -> None:
        record = due.record
        if self._limits is not None:  # before anything is held; the script that saves has the last word
            counts = await self._store.jobs.counts(record.project)
            if counts.reason(self._limits):
                await self._refuse(due, counts, self._limits)
                return
        job, spec = _job_of(record, await self._store.schedules.template(record.id))
        ids = list(spec.dataset.ids.values())
        if ids:
            await self._store.datasets.hold(record.project, ids, f"job:{job.id}")
        is_held = not _is_open(record, due.now)
        made = due.outcome("made", f"job {job.id}")
        said = await self._store.schedules.run(record, due.next_at, job, made, is_held=is_held, limits=self._limits)
        if isinstance(said, JobCounts) and self._limits is not None:
            await self._refuse(due, said, self._limits)
        elif said is True:
            log.info("scheduled_job_made", schedule_id=record.id, job_id=job.id, is_held=is_held)
            if not is_held:
                await self._store.jobs.note_entry(job.id, await self._queues.put(job.id, job.queue))

    async def _refuse(self, due: _DueTime, counts: JobCounts, limits: JobLimits) -> None:
        """There is no room: the time is lost, or stays until there is, as the schedule catches up."""
        record, reason = due.record, counts.reason(limits)
        log.warning("scheduled_job_refused", schedule_id=record.id, reason=reason)
        if record.view.catch_up == "none":
            refused = due.outcome("refused", reason)
            await self._store.schedules.pass_over(record, due.next_at, refused, "num_refused")
            return
        wait_s = counts.retry_s
        refused = due.outcome("refused", f"{reason}; tried again after {wait_s:.0f} s")
        await self._store.schedules.put_off(record, due.now + wait_s, refused, waits=record.waits)

    async def _unfinished(self, record: ScheduleRecord) -> str:
        """What is said of its last job while that is not over; empty when it is."""
        job_id = record.view.last_job_id
        if job_id is None:
            return ""
        try:
            state = await self._store.jobs.state(job_id)
        except NotFoundError:
            return ""
        return "" if state in FINAL_STATES else f"job {job_id} is {state}"


def job_id_of(schedule_id: str, due_at: float) -> str:
    """The id of the job that a schedule makes for a time: the same whoever makes it."""
    return hashlib.sha256(f"{schedule_id}:{int(due_at)}".encode()).hexdigest()[:20]


def _job_of(record: ScheduleRecord, template: NewJob) -> tuple[NewJob, JobSpec]:
    """The template with an id, and with a seed of its own: the job's plus the number of jobs before it.

    Raises:
        JournalMismatchError: this version of the program cannot read the job.
    """
    spec = decode_spec(template.spec)
    seeded = spec.model_copy(update={"seed": spec.seed + record.view.num_runs})
    job_id = job_id_of(record.id, record.view.next_at)
    return replace(template, id=job_id, spec=seeded.model_dump_json().encode()), seeded


def _is_open(record: ScheduleRecord, now: float) -> bool:
    text = record.view.window
    return text is None or Window.read(text, read_zone(record.view.timezone)).is_open(now)
