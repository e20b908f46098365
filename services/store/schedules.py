"""Schedules: a job's template with the time of its next making. A time is used once, by compare-and-set."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Sequence
from typing import Literal, cast

from redis.asyncio import Redis

from pmpo.contracts.jobs import SplitSizes
from pmpo.contracts.schedules import ScheduleOutcome
from pmpo.errors import ConflictError, NotFoundError
from services.store import keys
from services.store import schedule_scripts as scripts
from services.store.admission import JobCounts, JobLimits, asked
from services.store.connection import Commands
from services.store.idempotency import KeyedRequest
from services.store.records import NewJob
from services.store.records import first_fields as job_fields
from services.store.schedule_records import FIELDS, NewSchedule, ScheduleRecord, first_fields, read_record

Passed = Literal["num_skipped", "num_missed", "num_refused"]


class Schedules:
    """The schedules of all projects; what belongs to another project does not exist."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._create = redis.register_script(scripts.CREATE)
        self._run = redis.register_script(scripts.RUN)
        self._pass = redis.register_script(scripts.PASS_OVER)
        self._put_off = redis.register_script(scripts.PUT_OFF)
        self._pause = redis.register_script(scripts.PAUSE)
        self._resume = redis.register_script(scripts.RESUME)
        self._hold_job = redis.register_script(scripts.HOLD_JOB)

    async def create(self, new: NewSchedule, most: int, request: KeyedRequest | None, answer: bytes) -> bytes | None:
        """Save a schedule, and with a key the answer to its request, in one step.

        Returns:
            None when it was saved; the answer of an earlier request with the same key and body.

        Raises:
            IdempotencyKeyReusedError: the key was used for another body; nothing was saved.
            ConflictError: the project has ``most`` schedules already; nothing was saved.
        """
        project = new.template.project
        remembered = request.redis_key if request else keys.schedule(new.id)
        touched = [keys.schedule(new.id), keys.schedules(project), keys.DUE_SCHEDULES, remembered]
        pairs = [part for pair in first_fields(new).items() for part in pair]
        record = request.record(answer) if request else b""
        given = [new.id, new.created_at, new.next_at, most, record, keys.IDEMPOTENCY_TTL_S, *pairs]
        said, known = await self._commands.run(self._create(keys=touched, args=given))
        if said == b"full":
            raise ConflictError(
                f"the project has {most} schedules, and no more; delete one with DELETE /v1/schedules/ID or "
                "`pmpo schedule rm ID`"
            )
        return request.answer_in(known) if request and said == b"known" else None

    async def get(self, schedule_id: str) -> ScheduleRecord:
        """One schedule. Raises NotFoundError: there is none of that id."""
        found = (await self._read([schedule_id]))[0]
        if found is None:
            raise no_such_schedule(schedule_id)
        return found

    async def template(self, schedule_id: str) -> NewJob:
        """The job that it makes, without an id. Raises NotFoundError: there is no such schedule."""
        reading = self._redis.hmget(keys.schedule(schedule_id), ["project", "about", "spec", "splits", "terms"])
        project, about, spec, splits, terms = await self._commands.run(cast(Awaitable[list[bytes | None]], reading))
        if not (project and about and spec and splits) or terms is None:
            raise no_such_schedule(schedule_id)
        given = json.loads(about)
        sizes = SplitSizes.model_validate(given.pop("split_sizes"))
        return NewJob(
            id="", spec=spec, splits=splits, terms=terms, project=project.decode(), split_sizes=sizes, **given
        )

    async def of(self, project: str) -> list[ScheduleRecord]:
        """All of a project, newest first."""
        reading = cast(Awaitable[list[bytes]], self._redis.zrevrange(keys.schedules(project), 0, -1))
        found = await self._read([each.decode() for each in await self._commands.run(reading)])
        return [record for record in found if record is not None]

    async def due(self, now: float) -> list[ScheduleRecord]:
        """Those whose time has come, the longest due first."""
        reading = self._redis.zrangebyscore(keys.DUE_SCHEDULES, "-inf", now)
        found = await self._commands.run(cast(Awaitable[list[bytes]], reading))
        records = await self._read([each.decode() for each in found])
        # Between the two readings another janitor may have used a time: the one that comes next is not due yet.
        return [record for record in records if record is not None and record.view.next_at <= now]

    async def windowed(self) -> list[ScheduleRecord]:
        """Those with a window whose last job was not over when they were looked at last."""
        reading = cast(Awaitable[set[bytes]], self._redis.smembers(keys.WINDOWED_SCHEDULES))
        found = sorted(each.decode() for each in await self._commands.run(reading))
        return [record for record in await self._read(found) if record is not None]

    async def run(
        self,
        record: ScheduleRecord,
        next_at: int,
        job: NewJob,
        outcome: ScheduleOutcome,
        *,
        is_held: bool,
        limits: JobLimits | None = None,
    ) -> bool | JobCounts:
        """Use the time that has come, and save the job in the same step, if there is room for it.

        With ``is_held`` the job begins paused, by its window.

        Returns:
            True when the job was saved; False when somebody else used the time, or the schedule is paused; the counts
            when ``limits`` allow no more jobs.
        """
        now, has_window = time.time(), record.view.window is not None
        fields = {**job_fields(job, now), **({"state": "paused"} if is_held else {})}
        touched = [keys.schedule(record.id), keys.DUE_SCHEDULES, keys.WINDOWED_SCHEDULES]
        touched += [keys.job(job.id), keys.jobs(record.project), keys.ACTIVE_JOBS, keys.ENDED_JOBS]
        pairs = [part for pair in fields.items() for part in pair]
        held, told = job.id if is_held else "", outcome.model_dump_json()
        head: list[str | float] = [record.id, record.stamp, next_at, now, job.id, int(has_window), held, told]
        given = [*head, *asked(record.project, now, limits), *pairs]
        said = await self._commands.run(self._run(keys=touched, args=given))
        return JobCounts.read(said) if isinstance(said, list) else bool(said)

    async def pass_over(
        self, record: ScheduleRecord, next_at: int, outcome: ScheduleOutcome, counter: Passed, number: int = 1
    ) -> bool:
        """Let the time that has come go by without a job, and count it; False when somebody else used it."""
        touched = [keys.schedule(record.id), keys.DUE_SCHEDULES]
        given: list[str | int] = [record.id, record.stamp, next_at, outcome.model_dump_json(), counter, number]
        return bool(await self._commands.run(self._pass(keys=touched, args=given)))

    async def put_off(self, record: ScheduleRecord, look_at: float, outcome: ScheduleOutcome, *, waits: bool) -> None:
        """Leave the time that has come unused, and look at it again at ``look_at``; nothing when it is used meanwhile.

        ``waits``: it waits for the end of the last job, so that it is not missed.
        """
        touched = [keys.schedule(record.id), keys.DUE_SCHEDULES]
        given: list[str | float] = [record.id, record.stamp, look_at, outcome.model_dump_json(), "1" if waits else ""]
        await self._commands.run(self._put_off(keys=touched, args=given))

    async def pause(self, record: ScheduleRecord) -> bool:
        """Use no time from now on; False when there is no such schedule any more."""
        touched = [keys.schedule(record.id), keys.DUE_SCHEDULES]
        return bool(await self._commands.run(self._pause(keys=touched, args=[record.id, time.time()])))

    async def resume(self, record: ScheduleRecord, next_at: int, outcome: ScheduleOutcome, num_missed: int) -> bool:
        """Go on with ``next_at``, and count what was missed; False when it is not paused any more.

        ``outcome`` is told when anything was missed.
        """
        touched = [keys.schedule(record.id), keys.DUE_SCHEDULES]
        given: list[str | int] = [record.id, record.stamp, next_at, outcome.model_dump_json(), num_missed]
        return bool(await self._commands.run(self._resume(keys=touched, args=given)))

    async def hold_job(self, record: ScheduleRecord, job_id: str) -> None:
        """Note the job that the window keeps paused; an empty id for none."""
        await self._commands.run(self._hold_job(keys=[keys.schedule(record.id)], args=[job_id]))

    async def leave_window(self, record: ScheduleRecord) -> None:
        """Its last job is over: nothing is to be held any more."""
        await self._commands.run(self._redis.srem(keys.WINDOWED_SCHEDULES, record.id))

    async def delete(self, record: ScheduleRecord) -> None:
        """Delete it. Jobs that it made stay."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(keys.schedule(record.id))
        pipe.zrem(keys.schedules(record.project), record.id)
        pipe.zrem(keys.DUE_SCHEDULES, record.id)
        pipe.srem(keys.WINDOWED_SCHEDULES, record.id)
        await self._commands.run(pipe.execute())

    async def _read(self, ids: Sequence[str]) -> list[ScheduleRecord | None]:
        pipe = self._redis.pipeline(transaction=False)
        for schedule_id in ids:
            pipe.hmget(keys.schedule(schedule_id), FIELDS)
        rows = await self._commands.run(pipe.execute())
        return [read_record(schedule_id, row) for schedule_id, row in zip(ids, rows, strict=True)]


def no_such_schedule(schedule_id: str) -> NotFoundError:
    """What is said of an id that no schedule has."""
    return NotFoundError(
        f"there is no schedule {schedule_id!r:.80}; list the schedules with GET /v1/schedules or `pmpo schedule list`"
    )
