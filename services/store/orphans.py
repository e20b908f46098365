"""What belongs to no job: keys under the name of a job that is not there, and its entries in the lists of jobs.

Nothing here leaves any behind, but a Redis that lost a part of its files may, or a person with ``redis-cli``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from services.store import keys
from services.store.connection import Commands

_PAGE = 200
_SORTED = (keys.ENDED_JOBS, keys.ENDED_WITH_JOURNAL, keys.ENDED_WITH_EVENTS, keys.WEBHOOKS)
# KEYS: the job, then the key, or the list that has an entry of it.  ARGV: the job's id, whether it is an entry.
_DELETE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[2]) end
if redis.call('TYPE', KEYS[2]).ok == 'set' then return redis.call('SREM', KEYS[2], ARGV[1]) end
return redis.call('ZREM', KEYS[2], ARGV[1])
"""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A key of the job ``job_id``, which is not there, or (``is_entry``) a list of jobs that has an entry of it."""

    job_id: str
    key: str
    is_entry: bool = False

    def __str__(self) -> str:
        return f"{self.job_id} in {self.key}" if self.is_entry else self.key


class Orphans:
    """Finds and deletes them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._delete = redis.register_script(_DELETE)

    async def find(self, project: str) -> AsyncIterator[Orphan]:
        """Those of all projects, but in lists of one project those of ``project`` alone. One may come twice."""
        async for orphan in self._keys():
            yield orphan
        for index in (keys.jobs(project), *_SORTED):
            reading = cast(Awaitable[list[bytes]], self._redis.zrange(index, 0, -1))
            for orphan in await self._entries(index, await self._commands.run(reading)):
                yield orphan
        active = await self._commands.run(cast(Awaitable[set[bytes]], self._redis.smembers(keys.ACTIVE_JOBS)))
        for orphan in await self._entries(keys.ACTIVE_JOBS, sorted(active)):
            yield orphan

    async def delete(self, orphan: Orphan) -> bool:
        """Delete one; whether it was there and still an orphan."""
        touched = [keys.job(orphan.job_id), orphan.key]
        return bool(await self._commands.run(self._delete(keys=touched, args=[orphan.job_id, int(orphan.is_entry)])))

    async def _keys(self) -> AsyncIterator[Orphan]:
        cursor = 0
        while True:
            scanning = self._redis.scan(cursor, match=f"{keys.JOB_PREFIX}*:*", count=_PAGE)
            cursor, found = await self._commands.run(cast(Awaitable[tuple[int, list[bytes]]], scanning))
            names = [name.decode() for name in found]
            ids = [name.removeprefix(keys.JOB_PREFIX).partition(":")[0] for name in names]
            for job_id, name, is_there in zip(ids, names, await self._are_there(ids), strict=True):
                if not is_there:
                    yield Orphan(job_id, name)
            if cursor == 0:
                return

    async def _entries(self, index: str, members: Sequence[bytes]) -> list[Orphan]:
        ids = [each.decode() for each in members]
        known = [await self._are_there(ids[at : at + _PAGE]) for at in range(0, len(ids), _PAGE)]
        flags = [flag for page in known for flag in page]
        return [
            Orphan(job_id, index, is_entry=True) for job_id, is_there in zip(ids, flags, strict=True) if not is_there
        ]

    async def _are_there(self, job_ids: Sequence[str]) -> list[bool]:
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.exists(keys.job(job_id))
        return [bool(each) for each in await self._commands.run(pipe.execute())]
