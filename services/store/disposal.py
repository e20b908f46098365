"""What is taken away for good: ended jobs with all that belongs to them, and parts of them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal, cast

from redis.asyncio import Redis

from pmpo.contracts.jobs import FINAL_STATES
from pmpo.contracts.keys import DEFAULT_PROJECT
from pmpo.errors import ConflictError
from services.store import keys
from services.store.connection import Commands
from services.store.jobs import no_such_job

Part = Literal["journal", "events"]
PARTS: tuple[Part, ...] = ("journal", "events")
_ENDED_WITH = {"journal": keys.ENDED_WITH_JOURNAL, "events": keys.ENDED_WITH_EVENTS}

# KEYS: job, journal, events, lease, fence, then every index of jobs, webhooks the last.  ARGV: job id, final states
# (between commas), whether a job whose webhook is still to be called is kept.
_DELETE = """
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'missing' end
if not string.find(ARGV[2], ',' .. state .. ',', 1, true) then return state end
if ARGV[3] == '1' and redis.call('ZSCORE', KEYS[#KEYS], ARGV[1]) then return 'kept' end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('SREM', KEYS[6], ARGV[1])
for at = 7, #KEYS do redis.call('ZREM', KEYS[at], ARGV[1]) end
return 'done'
"""
# KEYS: job, the part, the index of ended jobs that have it.  ARGV: job id, final states, the field that tells of it.
_TRIM = """
local state = redis.call('HGET', KEYS[1], 'state')
if state and not string.find(ARGV[2], ',' .. state .. ',', 1, true) then return 0 end
redis.call('ZREM', KEYS[3], ARGV[1])
local removed = redis.call('DEL', KEYS[2])
if state and removed == 1 then redis.call('HSET', KEYS[1], ARGV[3], 1) end
return removed
"""
_FINAL = f",{','.join(sorted(FINAL_STATES))},"


class Disposal:
    """Deletes; every deletion is one step."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._delete = redis.register_script(_DELETE)
        self._trim = redis.register_script(_TRIM)

    async def delete(self, job_id: str) -> None:
        """Delete an ended job with its journal, its events and a call of its webhook that was not made yet.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it is not over.
        """
        said = await self._run_delete(job_id, spares_webhook=False)
        if said == "missing":
            raise no_such_job(job_id)
        if said != "done":
            raise ConflictError(
                f"job {job_id} is {said}, and only a job that is over can be deleted; "
                f"cancel it first with POST /v1/jobs/{job_id}/cancel or `pmpo cancel {job_id}`"
            )

    async def try_delete(self, job_id: str) -> bool:
        """Delete an ended job, unless its webhook is still to be called; whether it was deleted."""
        return await self._run_delete(job_id, spares_webhook=True) == "done"

    async def trim(self, job_id: str, part: Part) -> bool:
        """Delete the journal or the events of an ended job; whether there were any."""
        part_key = keys.journal(job_id) if part == "journal" else keys.events(job_id)
        touched = [keys.job(job_id), part_key, _ENDED_WITH[part]]
        return bool(await self._commands.run(self._trim(keys=touched, args=[job_id, _FINAL, f"{part}_removed"])))

    async def ended_before(self, moment: float, part: Part | None = None) -> list[str]:
        """The jobs that ended before ``moment``, the oldest first; with ``part``, those that still have it."""
        index = keys.ENDED_JOBS if part is None else _ENDED_WITH[part]
        reading = cast(Awaitable[list[bytes]], self._redis.zrangebyscore(index, "-inf", f"({moment}"))
        return [each.decode() for each in await self._commands.run(reading)]

    async def _run_delete(self, job_id: str, *, spares_webhook: bool) -> str:
        own = [keys.job(job_id), keys.journal(job_id), keys.events(job_id), keys.lease(job_id), keys.fence(job_id)]
        owner = await self._commands.run(cast(Awaitable[bytes | None], self._redis.hget(keys.job(job_id), "project")))
        of_project = keys.jobs(owner.decode() if owner else DEFAULT_PROJECT)
        indices = [of_project, keys.ENDED_JOBS, keys.ENDED_WITH_JOURNAL, keys.ENDED_WITH_EVENTS, keys.WEBHOOKS]
        touched = [*own, keys.ACTIVE_JOBS, *indices]
        said = await self._commands.run(self._delete(keys=touched, args=[job_id, _FINAL, int(spares_webhook)]))
        return str(said.decode())
