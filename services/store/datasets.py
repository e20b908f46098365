"""Data sets: rows in packed chunks, under a name made of their content, visible when they are whole and not before."""

from __future__ import annotations

import asyncio
import secrets
import time
import zlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from pmpo.errors import ConflictError, NotFoundError, StoreUnavailableError
from services.store import keys
from services.store.connection import Commands

CHUNK_ROWS = 500
CHUNKS_AT_ONCE = 20
PACKING_LEVEL = 1

Meta = Mapping[str, str]
"""What is told of a data set, by field; the values are texts to this room."""

# KEYS: upload, chunks, data set, data sets, the counter that orders them.  ARGV: id, number of chunks, name ("" leaves
# a name that is there), then fields and values. The same content again changes nothing but the name.
_FINISH = """
if redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('DEL', KEYS[1])
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[3], 'name', ARGV[3]) end
  return 'known'
end
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[2]) then return 'lost' end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('PERSIST', KEYS[2])
local number = redis.call('INCR', KEYS[5])
redis.call('HSET', KEYS[3], 'number', number, 'name', ARGV[3])
for at = 4, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 1]) end
redis.call('ZADD', KEYS[4], number, ARGV[1])
return 'new'
"""
# KEYS: data set and users, for each.  ARGV: the user, now, then the ids. All of them or none.
_HOLD = """
for at = 1, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[at]) == 0 then return ARGV[2 + (at + 1) / 2] end
end
for at = 2, #KEYS, 2 do redis.call('HSET', KEYS[at], ARGV[1], ARGV[2]) end
return false
"""
# KEYS: data set, users, chunks, data sets.  ARGV: id, then the users that need it no more.
_DELETE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing', ''} end
local ended = {}
for at = 2, #ARGV do ended[ARGV[at]] = true end
for _, user in ipairs(redis.call('HKEYS', KEYS[2])) do
  if not ended[user] then return {'used', user} end
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('ZREM', KEYS[4], ARGV[1])
return {'done', ''}
"""


@dataclass(slots=True)
class Upload:
    """A data set on its way. Nobody sees it before ``Datasets.finish``; left alone, it expires."""

    token: str
    num_chunks: int = 0


class Datasets:
    """The data sets of all projects; what belongs to another project does not exist."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._finish = redis.register_script(_FINISH)
        self._hold = redis.register_script(_HOLD)
        self._delete = redis.register_script(_DELETE)

    def begin(self) -> Upload:
        """A new upload; nothing is written yet."""
        return Upload(secrets.token_hex(16))

    async def put(self, upload: Upload, lines: Sequence[bytes]) -> None:
        """Append the next ``CHUNK_ROWS`` rows, each on its line; fewer only in the last chunk."""
        packed = await asyncio.to_thread(zlib.compress, b"\n".join(lines), PACKING_LEVEL)
        pipe = self._redis.pipeline(transaction=True)
        pipe.rpush(keys.upload(upload.token), packed)
        pipe.expire(keys.upload(upload.token), keys.UPLOAD_TTL_S)
        await self._commands.run(pipe.execute())
        upload.num_chunks += 1

    async def abandon(self, upload: Upload) -> None:
        """Throw away what came of an upload."""
        await self._commands.run(self._redis.delete(keys.upload(upload.token)))

    async def finish(self, upload: Upload, project: str, dataset_id: str, name: str, meta: Meta) -> bool:
        """Make an upload a data set, in one step; False when the project has one of that id, which stays as it is.

        Raises:
            StoreUnavailableError: chunks of the upload are gone.
        """
        touched = [
            keys.upload(upload.token),
            keys.dataset_chunks(project, dataset_id),
            keys.dataset(project, dataset_id),
            keys.datasets(project),
            keys.last_dataset(project),
        ]
        pairs = [part for pair in meta.items() for part in pair]
        said = await self._commands.run(self._finish(keys=touched, args=[dataset_id, upload.num_chunks, name, *pairs]))
        if said == b"lost":
            raise StoreUnavailableError("a part of the data set was lost on its way to Redis; send it again")
        return bool(said == b"new")

    async def get(self, project: str, dataset_id: str) -> Meta:
        """What is told of one data set. Raises NotFoundError."""
        reading = cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(keys.dataset(project, dataset_id)))
        return _decoded(await self._commands.run(reading), dataset_id)

    async def newest(self, project: str, before: int | None, limit: int) -> list[Meta]:
        """At most ``limit`` data sets, newest first; with ``before`` only those with a ``number`` below it."""
        highest = "+inf" if before is None else f"({before}"
        reading = self._redis.zrevrangebyscore(keys.datasets(project), highest, "-inf", start=0, num=limit)
        ids = [each.decode() for each in await self._commands.run(cast(Awaitable[list[bytes]], reading))]
        pipe = self._redis.pipeline(transaction=False)
        for dataset_id in ids:
            pipe.hgetall(keys.dataset(project, dataset_id))
        found = await self._commands.run(pipe.execute())
        return [_decoded(fields, dataset_id) for dataset_id, fields in zip(ids, found, strict=True) if fields]

    async def lines(self, project: str, dataset_id: str, start: int, limit: int) -> list[bytes]:
        """At most ``limit`` rows from row ``start`` on, each as a line; those that are there."""
        first, last = start // CHUNK_ROWS, (start + limit - 1) // CHUNK_ROWS
        found: list[bytes] = []
        for at in range(first, last + 1, CHUNKS_AT_ONCE):
            end = min(last, at + CHUNKS_AT_ONCE - 1)
            reading = self._redis.lrange(keys.dataset_chunks(project, dataset_id), at, end)
            chunks = await self._commands.run(cast(Awaitable[list[bytes]], reading))
            found += await asyncio.to_thread(_unpacked, chunks)
            if len(chunks) <= end - at:
                break
        return found[start - first * CHUNK_ROWS :][:limit]

    async def all_lines(self, project: str, dataset_id: str) -> list[bytes]:
        """All rows, each as a line. Raises NotFoundError: there is no such data set, or it is being deleted."""
        num_rows = int((await self.get(project, dataset_id))["num_rows"])
        found = await self.lines(project, dataset_id, 0, num_rows)
        if len(found) < num_rows:
            raise no_such_dataset(dataset_id)
        return found

    async def hold(self, project: str, dataset_ids: Sequence[str], user: str) -> None:
        """Note that ``user`` (``job:<id>``, ``schedule:<id>``) needs data sets, which cannot be deleted meanwhile.

        Raises:
            NotFoundError: one of them does not exist; nothing was noted.
        """
        touched = [
            key for each in dataset_ids for key in (keys.dataset(project, each), keys.dataset_users(project, each))
        ]
        missing = await self._commands.run(self._hold(keys=touched, args=[user, time.time(), *dataset_ids]))
        if missing is not None:
            raise no_such_dataset(missing.decode())

    async def release(self, project: str, dataset_ids: Sequence[str], user: str) -> None:
        """Note that ``user`` needs data sets no more. Of jobs that ended that is known without a note."""
        pipe = self._redis.pipeline(transaction=True)
        for dataset_id in dataset_ids:
            pipe.hdel(keys.dataset_users(project, dataset_id), user)
        await self._commands.run(pipe.execute())

    async def users(self, project: str, dataset_id: str) -> dict[str, float]:
        """Who noted that they need a data set, and when (seconds since the epoch)."""
        reading = cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(keys.dataset_users(project, dataset_id)))
        return {user.decode(): float(since) for user, since in (await self._commands.run(reading)).items()}

    async def delete(self, project: str, dataset_id: str, ended: Sequence[str]) -> None:
        """Delete a data set that nobody needs, the users in ``ended`` aside.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: somebody needs it, who is named.
        """
        touched = [
            keys.dataset(project, dataset_id),
            keys.dataset_users(project, dataset_id),
            keys.dataset_chunks(project, dataset_id),
            keys.datasets(project),
        ]
        said, user = await self._commands.run(self._delete(keys=touched, args=[dataset_id, *ended]))
        if said == b"missing":
            raise no_such_dataset(dataset_id)
        if said == b"used":
            kind, _, name = user.decode().partition(":")
            remedy = "wait for it or cancel it" if kind == "job" else "delete that first"
            raise ConflictError(f"data set {dataset_id} is needed by {kind} {name}; {remedy}")


def no_such_dataset(dataset_id: str) -> NotFoundError:
    """What is said of an id that no data set of the project has."""
    return NotFoundError(
        f"there is no data set {dataset_id!r:.80}; list them with GET /v1/datasets or `pmpo datasets list`"
    )


def _decoded(fields: Mapping[bytes, bytes], dataset_id: str) -> Meta:
    if not fields:
        raise no_such_dataset(dataset_id)
    return {name.decode(): value.decode() for name, value in fields.items()} | {"id": dataset_id}


def _unpacked(chunks: Sequence[bytes]) -> list[bytes]:
    return [line for chunk in chunks for line in zlib.decompress(chunk).split(b"\n")]
