"""Requests of each caller in the current minute."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import cast

from redis.asyncio import Redis

from services.store import keys
from services.store.connection import Commands

WINDOW_S = 60


class RequestCounts:
    """Fixed windows of a minute, one counter for each caller."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()

    async def add(self, caller: str, now: float | None = None) -> tuple[int, float]:
        """Count a request; how many the caller made in this minute with it, and the seconds until the next minute.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        moment = time.time() if now is None else now
        window = int(moment // WINDOW_S)
        name = keys.requests(caller, window)
        pipe = self._redis.pipeline(transaction=False)
        pipe.incr(name)
        pipe.expire(name, 2 * WINDOW_S)
        counted = await self._commands.run(cast(Awaitable[list[int]], pipe.execute()))
        return counted[0], (window + 1) * WINDOW_S - moment
