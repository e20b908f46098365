"""The duty to pause jobs of schedules when their window closes, and to let them go on when it opens."""

from __future__ import annotations

import time
from contextlib import suppress

from pmpo.contracts.jobs import FINAL_STATES, JobState
from pmpo.errors import ConflictError, NotFoundError
from pmpo.runtime.logs import get_logger
from services.queues import JobQueues
from services.store.records import JobRecord
from services.store.schedule_records import ScheduleRecord
from services.store.store import Store
from services.timetable.windows import Window
from services.timetable.zones import read_zone

log = get_logger()
UNDER_WAY: tuple[JobState, ...] = ("queued", "running")


class HoldingWindows:
    """Looks at the last job of every schedule with a window.

    A job that somebody paused by hand inside the window stays paused: only what the window paused goes on with it.
    """

    name = "windows"
    interval_s = 0.0

    def __init__(self, store: Store, queues: JobQueues) -> None:
        self._store = store
        self._queues = queues

    async def perform(self) -> None:
        """Look at each once."""
        for record in await self._store.schedules.windowed():
            with suppress(ConflictError):  # the job moved on while we looked: the next sweep sees where to
                await self._look_at(record, time.time())

    async def _look_at(self, record: ScheduleRecord, now: float) -> None:
        job = await self._last_job(record)
        if job is None or record.view.window is None:
            await self._store.schedules.leave_window(record)
        elif not Window.read(record.view.window, read_zone(record.view.timezone)).is_open(now):
            await self._hold(record, job)
        elif record.held_job == job.id:
            if job.state == "paused":
                await self._let_go(job)
            await self._store.schedules.hold_job(record, "")

    async def _last_job(self, record: ScheduleRecord) -> JobRecord | None:
        """The job, as long as it is not over."""
        if record.view.last_job_id is None:
            return None
        try:
            job = await self._store.jobs.get(record.view.last_job_id)
        except NotFoundError:
            return None
        return None if job.state in FINAL_STATES else job

    async def _hold(self, record: ScheduleRecord, job: JobRecord) -> None:
        """Noted first: what was noted and not paused is paused by the next sweep."""
        if job.state not in UNDER_WAY:
            return
        await self._store.schedules.hold_job(record, job.id)
        await self._store.jobs.move(job.id, [job.state], "paused")
        log.info("window_closed", schedule_id=record.id, job_id=job.id)

    async def _let_go(self, job: JobRecord) -> None:
        """Back to the worker that has not let go of it yet, else to its queue."""
        log.info("window_opened", job_id=job.id)
        with suppress(ConflictError):
            await self._store.jobs.move(job.id, ["paused"], "running", only_held=True)
            return
        waiting: dict[str, str | bytes | float] = {"enqueued_id": "", "not_before": 0.0}
        await self._store.jobs.move(job.id, ["paused"], "queued", only_unheld=True, changes=waiting)
        await self._store.jobs.note_entry(job.id, await self._queues.put(job.id, job.queue))
