"""Whole jobs, as they stood at one moment: read for an export, written by an import that overwrites nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from pmpo.contracts.jobs import FINAL_STATES
from services.store import keys
from services.store.connection import Commands
from services.store.records import FIELDS, JobRecord, read_record

# What is of one service alone: its queue, its waits, its counts of changes, and whose the job is there.
_LEFT_OUT = frozenset({"project", "enqueued_id", "not_before", "version"})
PORTABLE_FIELDS = frozenset({*FIELDS, "spec", "splits", "terms", "result", "webhook", "journal_removed"} - _LEFT_OUT)
NOT_DELIVERED = "exported before it was delivered; the service that ran the job delivers it"

# KEYS: job, journal, events, jobs of the project, active jobs, ended jobs, those with journal, those with events.
# ARGV: id, created at, the moment of its end ("" before it), numbers of fields, of answers and of events, then these.
_RESTORE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local num_fields, num_answers, num_events = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
redis.call('DEL', KEYS[2], KEYS[3])
local at = 7
for _ = 1, num_fields do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, num_answers do
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, num_events do
  redis.call('RPUSH', KEYS[3], ARGV[at])
  at = at + 1
end
redis.call('ZADD', KEYS[4], ARGV[2], ARGV[1])
if ARGV[3] == '' then
  redis.call('SADD', KEYS[5], ARGV[1])
else
  redis.call('ZADD', KEYS[6], ARGV[3], ARGV[1])
  if num_answers > 0 then redis.call('ZADD', KEYS[7], ARGV[3], ARGV[1]) end
  if num_events > 0 then redis.call('ZADD', KEYS[8], ARGV[3], ARGV[1]) end
end
return 1
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A job that is over or paused. ``fields`` are of ``PORTABLE_FIELDS``; values are bytes to this room."""

    job_id: str
    fields: Mapping[str, bytes]
    answers: Mapping[int, bytes]
    events: Sequence[bytes]

    def record(self) -> JobRecord | None:
        """The job as the store would show it; None when what every job has is not there. Raises ValueError."""
        fields = {**self.fields, "version": b"1"}
        return read_record(self.job_id, [fields.get(name) for name in FIELDS])


class Snapshots:
    """Takes and restores them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._restore = redis.register_script(_RESTORE)

    async def job_ids(self, project: str) -> list[str]:
        """All jobs of a project, the oldest first."""
        reading = cast(Awaitable[list[bytes]], self._redis.zrange(keys.jobs(project), 0, -1))
        return [each.decode() for each in await self._commands.run(reading)]

    async def take(self, job_id: str) -> Snapshot | None:
        """A job at one moment; None when there is none. One that is not over is shown as paused.

        A webhook that is still to be called will be by this service, so that the snapshot shows it as given up.
        """
        pipe = self._redis.pipeline(transaction=True)
        pipe.hgetall(keys.job(job_id))
        pipe.hgetall(keys.journal(job_id))
        pipe.lrange(keys.events(job_id), 0, -1)
        found, answers, events = await self._commands.run(pipe.execute())
        fields = {name.decode(): value for name, value in found.items() if name.decode() in PORTABLE_FIELDS}
        if "state" not in fields:
            return None
        if fields["state"].decode() not in FINAL_STATES:
            fields["state"] = b"paused"
        elif fields.get("webhook_state") == b"pending":
            fields |= {"webhook_state": b"failed", "webhook_detail": NOT_DELIVERED.encode()}
        return Snapshot(job_id, fields, {int(call): answer for call, answer in answers.items()}, events)

    async def restore(self, snapshot: Snapshot, project: str) -> bool:
        """Write a whole job in one step; False when there is one of its id, which stays as it is."""
        fields: dict[str, str | bytes] = {**snapshot.fields, "project": project, "version": "1"}
        is_over = snapshot.fields["state"].decode() in FINAL_STATES
        given: list[str | bytes | int] = [
            snapshot.job_id,
            snapshot.fields["created_at"],
            snapshot.fields["updated_at"] if is_over else "",
            len(fields),
            len(snapshot.answers),
            len(snapshot.events),
            *(part for pair in fields.items() for part in pair),
            *(part for pair in snapshot.answers.items() for part in pair),
            *snapshot.events,
        ]
        own = [keys.job(snapshot.job_id), keys.journal(snapshot.job_id), keys.events(snapshot.job_id)]
        ended = [keys.ENDED_JOBS, keys.ENDED_WITH_JOURNAL, keys.ENDED_WITH_EVENTS]
        touched = [*own, keys.jobs(project), keys.ACTIVE_JOBS, *ended]
        return bool(await self._commands.run(self._restore(keys=touched, args=given)))
