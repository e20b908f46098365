"""Schedules: a job's template with the time of its next making. A time is used once, by compare-and-set."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from redis.asyncio import Redis

from pmpo.contracts.jobs import SplitSizes
from pmpo.contracts.schedules import CatchUp, Overlap, ScheduleView
from pmpo.errors import ConflictError, NotFoundError
from services.store import keys
from services.store.connection import Commands
from services.store.idempotency import KeyedRequest
from services.store.records import NewJob, first_fields

Passed = Literal["num_skipped", "num_missed"]
_TEXTS = ("project", "name", "cron", "timezone", "overlap", "catch_up", "window", "kind", "queue")
_COUNTS = ("num_runs", "num_skipped", "num_missed")
_LATER = ("last_at", "last_job_id", "held_job", "waits")
_FIELDS = (*_TEXTS, "created_at", "next_at", *_COUNTS, *_LATER, "about")

# KEYS: schedule, schedules of its project, due ones, and the remembered answer of a keyed request.  ARGV: id, created,
# next, most schedules of a project, what to remember ("" without a key), its time to live, then fields and values.
_CREATE = """
if ARGV[5] ~= '' then
  local known = redis.call('GET', KEYS[4])
  if known then return {'known', known} end
end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return {'full', ''} end
if ARGV[5] ~= '' then redis.call('SET', KEYS[4], ARGV[5], 'EX', ARGV[6]) end
for at = 7, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
return {'done', ''}
"""
# KEYS: schedule, due ones, those with a window, job, jobs of its project, active jobs.  ARGV: id, the time that is
# used, the next one, now, job id, whether it has a window, the job that is held ("" for none), then the job's fields
# and values. The time is used and the job is there, or neither: however many janitors try, and wherever they stop.
_RUN = """
if redis.call('HGET', KEYS[1], 'next_at') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'next_at', ARGV[3], 'last_at', ARGV[4], 'last_job_id', ARGV[5])
redis.call('HSET', KEYS[1], 'held_job', ARGV[7], 'waits', '')
redis.call('HINCRBY', KEYS[1], 'num_runs', 1)
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
if ARGV[6] == '1' then redis.call('SADD', KEYS[3], ARGV[1]) end
for at = 8, #ARGV, 2 do redis.call('HSET', KEYS[4], ARGV[at], ARGV[at + 1]) end
redis.call('ZADD', KEYS[5], ARGV[4], ARGV[5])
redis.call('SADD', KEYS[6], ARGV[5])
return 1
"""
# KEYS: schedule, due ones.  ARGV: id, the time that passes, the next one, the counter that tells of it, by how much.
_GO_BY = """
if redis.call('HGET', KEYS[1], 'next_at') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'next_at', ARGV[3], 'waits', '')
redis.call('HINCRBY', KEYS[1], ARGV[4], ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
return 1
"""
# KEYS: schedule.  ARGV: field, value. Nothing comes back after a deletion.
_NOTE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""


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
    """

    view: ScheduleView
    project: str
    held_job: str
    waits: bool

    @property
    def id(self) -> str:
        """The schedule's id."""
        return self.view.id


class Schedules:
    """The schedules of all projects; what belongs to another project does not exist."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._create = redis.register_script(_CREATE)
        self._run = redis.register_script(_RUN)
        self._pass = redis.register_script(_GO_BY)
        self._note = redis.register_script(_NOTE)

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
        pairs = [part for pair in _fields(new).items() for part in pair]
        record = request.record(answer) if request else b""
        given = [new.id, new.created_at, new.next_at, most, record, keys.IDEMPOTENCY_TTL_S, *pairs]
        said, known = await self._commands.run(self._create(keys=touched, args=given))
        if said == b"full":
            raise ConflictError(f"the project has {most} schedules, and no more; delete one with `pmpo schedule rm`")
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
        return [record for record in await self._read([each.decode() for each in found]) if record is not None]

    async def windowed(self) -> list[ScheduleRecord]:
        """Those with a window whose last job was not over when they were looked at last."""
        reading = cast(Awaitable[set[bytes]], self._redis.smembers(keys.WINDOWED_SCHEDULES))
        found = sorted(each.decode() for each in await self._commands.run(reading))
        return [record for record in await self._read(found) if record is not None]

    async def run(self, record: ScheduleRecord, next_at: int, job: NewJob, *, is_held: bool) -> bool:
        """Use the time that has come, and save the job in the same step; False when somebody else used it.

        With ``is_held`` the job begins paused, by its window.
        """
        now, has_window = time.time(), record.view.window is not None
        fields = {**first_fields(job, now), **({"state": "paused"} if is_held else {})}
        touched = [keys.schedule(record.id), keys.DUE_SCHEDULES, keys.WINDOWED_SCHEDULES]
        touched += [keys.job(job.id), keys.jobs(record.project), keys.ACTIVE_JOBS]
        pairs = [part for pair in fields.items() for part in pair]
        held = job.id if is_held else ""
        given = [record.id, _stamp(record), next_at, now, job.id, int(has_window), held, *pairs]
        return bool(await self._commands.run(self._run(keys=touched, args=given)))

    async def pass_over(self, record: ScheduleRecord, next_at: int, counter: Passed, number: int = 1) -> bool:
        """Let the time that has come go by without a job, and count it; False when somebody else used it."""
        touched = [keys.schedule(record.id), keys.DUE_SCHEDULES]
        given: list[str | int] = [record.id, _stamp(record), next_at, counter, number]
        return bool(await self._commands.run(self._pass(keys=touched, args=given)))

    async def let_wait(self, record: ScheduleRecord) -> None:
        """Note that the time that has come waits for the end of the last job, so that it is not missed."""
        await self._commands.run(self._note(keys=[keys.schedule(record.id)], args=["waits", "1"]))

    async def hold_job(self, record: ScheduleRecord, job_id: str) -> None:
        """Note the job that the window keeps paused; an empty id for none."""
        await self._commands.run(self._note(keys=[keys.schedule(record.id)], args=["held_job", job_id]))

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
            pipe.hmget(keys.schedule(schedule_id), _FIELDS)
        rows = await self._commands.run(pipe.execute())
        return [_record(schedule_id, row) for schedule_id, row in zip(ids, rows, strict=True)]


def no_such_schedule(schedule_id: str) -> NotFoundError:
    """What is said of an id that no schedule has."""
    return NotFoundError(f"there is no schedule {schedule_id!r:.80}; list them with `pmpo schedule list`")


def _stamp(record: ScheduleRecord) -> str:
    """The time that has come, as it stands in the store."""
    return str(int(record.view.next_at))


def _fields(new: NewSchedule) -> Mapping[str, str | bytes | float]:
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
    values = [str(_fields(new).get(name, "")).encode() for name in _FIELDS]
    record = _record(new.id, values)
    assert record is not None, "a new schedule has a time"
    return record


def _record(schedule_id: str, values: Sequence[bytes | None]) -> ScheduleRecord | None:
    found = {name: value.decode() for name, value in zip(_FIELDS, values, strict=True) if value}
    if "next_at" not in found:
        return None
    shown = {name: found[name] for name in _TEXTS if name in found and name not in ("project", "window")}
    view = ScheduleView.model_validate(
        {
            "id": schedule_id,
            **shown,
            **{name: int(found.get(name, 0)) for name in _COUNTS},
            "name": found.get("name", ""),
            "window": found.get("window"),
            "created_at": float(found["created_at"]),
            "next_at": float(found["next_at"]),
            "last_at": float(found["last_at"]) if "last_at" in found else None,
            "last_job_id": found.get("last_job_id"),
            "warnings": json.loads(found["about"])["warnings"],
        }
    )
    return ScheduleRecord(view, found["project"], found.get("held_job", ""), found.get("waits") == "1")
