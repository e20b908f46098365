"""Scores that any job may use again: bytes by group and name, within a bound; the groups longest unused are dropped."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from services.store import keys
from services.store.connection import Commands

ENTRY_BYTES = 16  # what Redis needs beside an entry's name and value
GROUP_BYTES = 200  # and beside a group's entries

# KEYS: group, groups by last use, bytes of all.  ARGV: now, the bound, bytes of an entry and of a group, the field that
# holds a group's size, the prefix of group keys, then names and values. What is there already stays as it is.
_PUT = """
local added, field = 0, ARGV[5]
if redis.call('EXISTS', KEYS[1]) == 0 then added = tonumber(ARGV[4]) end
for at = 7, #ARGV, 2 do
  if redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1]) == 1 then
    added = added + #ARGV[at] + #ARGV[at + 1] + tonumber(ARGV[3])
  end
end
redis.call('HINCRBY', KEYS[1], field, added)
redis.call('ZADD', KEYS[2], ARGV[1], string.sub(KEYS[1], #ARGV[6] + 1))
local total = redis.call('INCRBY', KEYS[3], added)
while total > tonumber(ARGV[2]) do
  local oldest = redis.call('ZPOPMIN', KEYS[2])[1]
  if not oldest then
    redis.call('SET', KEYS[3], 0)
    break
  end
  local size = redis.call('HGET', ARGV[6] .. oldest, field) or 0
  redis.call('DEL', ARGV[6] .. oldest)
  total = redis.call('DECRBY', KEYS[3], size)
end
return total
"""
_SIZE_FIELD = b""


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """What the shared cache did for all jobs so far, and what it holds."""

    num_hits: int
    num_misses: int
    num_bytes: int


class SharedScores:
    """Entries of all jobs. Values are bytes to this room; ``max_bytes`` bounds what they take, about."""

    def __init__(self, redis: Redis, max_bytes: int) -> None:
        self._redis = redis
        self._max_bytes = max_bytes
        self._commands = Commands()
        self._put = redis.register_script(_PUT)

    async def find(self, names: Mapping[str, Sequence[bytes]]) -> dict[str, dict[bytes, bytes]]:
        """The entries that are there, by group and name. ``names``: by group; no name is empty.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        asked = {group: fields for group, fields in names.items() if fields}
        if not asked:
            return {}
        now = time.time()
        pipe = self._redis.pipeline(transaction=False)
        for group, fields in asked.items():
            pipe.hmget(keys.scores(group), list(fields))
            pipe.zadd(keys.SCORE_GROUPS, {group: now}, xx=True)
        answers = await self._commands.run(cast(Awaitable[list[list[bytes | None]]], pipe.execute()))
        return {
            group: {name: value for name, value in zip(fields, values, strict=True) if value is not None}
            for (group, fields), values in zip(asked.items(), answers[::2], strict=True)
        }

    async def keep(self, entries: Mapping[str, Mapping[bytes, bytes]]) -> None:
        """Add entries, by group and name. One that is there stays; to make room, whole groups are dropped.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        for group, values in entries.items():
            if values:
                touched = [keys.scores(group), keys.SCORE_GROUPS, keys.SCORE_BYTES]
                given: list[str | bytes | float] = [
                    time.time(),
                    self._max_bytes,
                    ENTRY_BYTES,
                    GROUP_BYTES,
                    _SIZE_FIELD,
                    keys.scores(""),
                ]
                pairs = [part for pair in values.items() for part in pair]
                await self._commands.run(self._put(keys=touched, args=[*given, *pairs]))

    async def count(self, num_hits: int, num_misses: int) -> None:
        """Add to the counts of all jobs.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        pipe = self._redis.pipeline(transaction=False)
        pipe.hincrby(keys.SCORE_COUNTS, "hits", num_hits)
        pipe.hincrby(keys.SCORE_COUNTS, "misses", num_misses)
        await self._commands.run(cast(Awaitable[object], pipe.execute()))

    async def counts(self) -> ScoreCounts:
        """What the cache did and holds.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        counted = cast(Awaitable[list[bytes | None]], self._redis.hmget(keys.SCORE_COUNTS, ["hits", "misses"]))
        hits, misses = (int(value or 0) for value in await self._commands.run(counted))
        held = await self._commands.run(cast(Awaitable[bytes | None], self._redis.get(keys.SCORE_BYTES)))
        return ScoreCounts(hits, misses, int(held or 0))
