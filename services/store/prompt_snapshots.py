"""Whole prompts of the registry, as they stood at one moment: for an export, and an import that overwrites nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from services.store import keys
from services.store.connection import Commands

# KEYS: prompts, versions, labels, stacks, moves, origins.  ARGV: name, numbers of versions, moves, labels, stacks and
# origins, then these.
_RESTORE = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('DEL', KEYS[3], KEYS[4], KEYS[5], KEYS[6])
local at = 7
for list = 0, 1 do
  for _ = 1, tonumber(ARGV[2 + list]) do
    redis.call('RPUSH', KEYS[list == 0 and 2 or 5], ARGV[at])
    at = at + 1
  end
end
for hash, key in ipairs({3, 4, 6}) do
  for _ = 1, tonumber(ARGV[3 + hash]) do
    redis.call('HSET', KEYS[key], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
return 1
"""


@dataclass(frozen=True, slots=True)
class PromptSnapshot:
    """A prompt with all that is kept of it; see ``keys`` for what each part holds."""

    name: str
    versions: Sequence[str]
    moves: Sequence[str]
    labels: Mapping[str, str]
    stacks: Mapping[str, str]
    origins: Mapping[str, str]


class PromptSnapshots:
    """Takes and restores them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._restore = redis.register_script(_RESTORE)

    async def names(self, project: str) -> list[str]:
        """All prompts of a project."""
        reading = cast(Awaitable[list[bytes]], self._redis.zrange(keys.prompts(project), 0, -1))
        return [each.decode() for each in await self._commands.run(reading)]

    async def take(self, project: str, name: str) -> PromptSnapshot | None:
        """A prompt at one moment; None when there is none."""
        pipe = self._redis.pipeline(transaction=True)
        for part in ("versions", "moves"):
            pipe.lrange(keys.prompt(project, name, part), 0, -1)
        for part in ("labels", "stacks", "origins"):
            pipe.hgetall(keys.prompt(project, name, part))
        versions, moves, labels, stacks, origins = await self._commands.run(pipe.execute())
        if not versions:
            return None
        return PromptSnapshot(name, _texts(versions), _texts(moves), _pairs(labels), _pairs(stacks), _pairs(origins))

    async def restore(self, project: str, snapshot: PromptSnapshot) -> bool:
        """Write a whole prompt in one step; False when the project has one of its name, which stays as it is."""
        lists, hashes = (snapshot.versions, snapshot.moves), (snapshot.labels, snapshot.stacks, snapshot.origins)
        sizes = [len(each) for each in (*lists, *hashes)]
        values = [each for part in lists for each in part]
        values += [each for part in hashes for pair in part.items() for each in pair]
        parts = ("versions", "labels", "stacks", "moves", "origins")
        touched = [keys.prompts(project), *(keys.prompt(project, snapshot.name, part) for part in parts)]
        given: list[str | int] = [snapshot.name, *sizes, *values]
        return bool(await self._commands.run(self._restore(keys=touched, args=given)))


def _texts(found: Sequence[bytes]) -> list[str]:
    return [each.decode() for each in found]


def _pairs(found: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in found.items()}
