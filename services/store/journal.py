"""The journal and the events of a job: written one by one, under the writer's lease; bytes to this room."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import cast

from redis.asyncio import Redis

from pmpo.contracts.jobs import JobState
from pmpo.errors import ConflictError
from services.store import keys
from services.store.connection import Commands
from services.store.leases import Lease, lease_lost

# KEYS: lease, journal, events, job.  ARGV: lease value, now, number of events, number of answers, whether the version
# rises with fields, then event numbers and events (consecutive), calls and answers, and fields of the job with values.
# What refuses comes before what writes.
# An answer or an event that is there already stays as it is: a replay fills what a crash left out, and no more.
_APPEND = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lease_lost' end
local num_events, num_answers = tonumber(ARGV[3]), tonumber(ARGV[4])
local length = redis.call('LLEN', KEYS[3])
if num_events > 0 and tonumber(ARGV[6]) > length + 1 then return 'gap' end
local at = 6
for _ = 1, num_events do
  if tonumber(ARGV[at]) > length then redis.call('RPUSH', KEYS[3], ARGV[at + 1]) end
  at = at + 2
end
for _ = 1, num_answers do
  redis.call('HSETNX', KEYS[2], ARGV[at], ARGV[at + 1])
  at = at + 2
end
if at < #ARGV and ARGV[5] == '1' then redis.call('HINCRBY', KEYS[4], 'version', 1) end
while at < #ARGV do
  redis.call('HSET', KEYS[4], ARGV[at], ARGV[at + 1])
  at = at + 2
end
redis.call('HSET', KEYS[4], 'updated_at', ARGV[2])
return 'done'
"""


class Journal:
    """Answers by call number and events by number, for all jobs."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._append = redis.register_script(_APPEND)

    async def append(
        self,
        lease: Lease,
        *,
        now: float,
        answers: Mapping[int, bytes] | None = None,
        events: Mapping[int, bytes] | None = None,
        changes: Mapping[str, str] | None = None,
        is_news: bool = True,
    ) -> None:
        """Write answers, events and changes of the job's own fields in one step, or none of them.

        Args:
            lease: the writer's hold on the job.
            now: seconds since the epoch: the job's ``updated_at``.
            answers: by call number.
            events: by event number, consecutive.
            changes: fields of the job's hash.
            is_news: whether the job's version rises with changes, so that those who wait for one are told.

        Raises:
            LeaseLostError: the lease is not the writer's any more.
            ConflictError: an event would leave a gap.
        """
        answers, events = answers or {}, events or {}
        pairs: list[str | bytes | int] = []
        for mapping in (events, answers, changes or {}):
            for name, value in cast(Mapping[str | int, str | bytes], mapping).items():
                pairs += [name, value]
        job_id = lease.job_id
        touched = [keys.lease(job_id), keys.journal(job_id), keys.events(job_id), keys.job(job_id)]
        given = [lease.value, now, len(events), len(answers), int(is_news), *pairs]
        said = await self._commands.run(self._append(keys=touched, args=given))
        if said == b"lease_lost":
            raise lease_lost(job_id)
        if said == b"gap":
            raise ConflictError(f"job {job_id} was given event {min(events)} before the one that precedes it")

    async def answers(self, job_id: str) -> dict[int, bytes]:
        """All answers of a job, by call number, rising."""
        reading = cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(keys.journal(job_id)))
        found = await self._commands.run(reading)
        return dict(sorted((int(call), answer) for call, answer in found.items()))

    async def num_answers(self, job_id: str) -> int:
        """How many answers a job has."""
        return await self._commands.run(self._redis.hlen(keys.journal(job_id)))

    async def num_events(self, job_id: str) -> int:
        """How many events a job has."""
        return await self._commands.run(self._redis.llen(keys.events(job_id)))

    async def events(self, job_id: str, *, after: int = 0, limit: int = 1_000) -> list[bytes]:
        """Events with numbers above ``after``, in order, at most ``limit``."""
        reading = cast(Awaitable[list[bytes]], self._redis.lrange(keys.events(job_id), after, after + limit - 1))
        return await self._commands.run(reading)

    async def events_of(self, afters: Mapping[str, int], *, limit: int = 1_000) -> dict[str, list[bytes]]:
        """For several jobs at once, in one round trip: events with numbers above each one's ``after``."""
        pipe = self._redis.pipeline(transaction=False)
        for job_id, after in afters.items():
            pipe.lrange(keys.events(job_id), after, after + limit - 1)
        return dict(zip(afters, await self._commands.run(pipe.execute()), strict=True))

    async def pulses(self, job_ids: Sequence[str]) -> list[tuple[JobState | None, int]]:
        """For several jobs at once, in one round trip: state (None: there is no such job) and number of events.

        A job's state is read before its events, so that a final state means that no event is missing.
        """
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.hget(keys.job(job_id), "state")
            pipe.llen(keys.events(job_id))
        found = await self._commands.run(pipe.execute())
        states = [None if state is None else cast(JobState, state.decode()) for state in found[::2]]
        return list(zip(states, found[1::2], strict=True))
