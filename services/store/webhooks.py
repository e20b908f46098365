"""Webhooks that are to be called: an outbox that a job enters with its end, in the same step."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from services.store import keys
from services.store.connection import Commands

# KEYS: webhooks, job.  ARGV: job id, now, the time until which nobody else takes it.
_CLAIM = """
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then return false end
local url = redis.call('HGET', KEYS[2], 'webhook')
if not url then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return false
end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return {url, redis.call('HINCRBY', KEYS[2], 'webhook_attempts', 1)}
"""
# KEYS: webhooks, job.  ARGV: job id, the time of the next try ("" when it was the last one), state, detail.
_NOTE = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
if ARGV[2] == '' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
end
redis.call('HSET', KEYS[2], 'webhook_state', ARGV[3], 'webhook_detail', ARGV[4])
return 1
"""


@dataclass(frozen=True, slots=True)
class DueWebhook:
    """A call to be made now, the ``attempt``-th (from 1)."""

    job_id: str
    url: str
    attempt: int


class Webhooks:
    """Calls that are due, one caller at a time for each; a caller that dies leaves its call to the next one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._claim = redis.register_script(_CLAIM)
        self._note = redis.register_script(_NOTE)

    async def due(self, limit: int) -> list[str]:
        """The jobs whose webhooks are due, at most ``limit``, the longest due first."""
        reading = self._redis.zrangebyscore(keys.WEBHOOKS, "-inf", time.time(), start=0, num=limit)
        found = await self._commands.run(cast(Awaitable[list[bytes]], reading))
        return [each.decode() for each in found]

    async def try_claim(self, job_id: str, for_s: float) -> DueWebhook | None:
        """Take a call for ``for_s`` seconds; None when it is not due any more.

        After that time it is due again, unless it was noted what became of it.
        """
        now = time.time()
        claiming = self._claim(keys=self._touched(job_id), args=[job_id, now, now + for_s])
        found = await self._commands.run(claiming)
        return None if found is None else DueWebhook(job_id, found[0].decode(), int(found[1]))

    async def delivered(self, job_id: str) -> None:
        """The receiver took it."""
        await self._write(job_id, "", "delivered", "")

    async def put_off(self, job_id: str, wait_s: float, reason: str) -> None:
        """It is to be tried again in ``wait_s`` seconds."""
        await self._write(job_id, time.time() + wait_s, "pending", reason)

    async def failed(self, job_id: str, reason: str) -> None:
        """It is given up."""
        await self._write(job_id, "", "failed", reason)

    async def _write(self, job_id: str, next_at: float | str, state: str, detail: str) -> None:
        noting = self._note(keys=self._touched(job_id), args=[job_id, next_at, state, detail])
        await self._commands.run(noting)

    def _touched(self, job_id: str) -> list[str]:
        return [keys.WEBHOOKS, keys.job(job_id)]
