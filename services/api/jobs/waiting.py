"""Long-polling: answer when something changed, when the caller's patience is over, or when the process is to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

POLL_S = 0.15
T = TypeVar("T")


class SharedLooks(Generic[T]):
    """What many callers look at is looked up once for all of them, at most about seven times a second for each name.

    An answer may be as old as that. Whoever waits for something that does not go back loses nothing by it but the time.
    """

    def __init__(self, look: Callable[[str], Awaitable[T]]) -> None:
        self._look = look
        self._recent: dict[str, asyncio.Future[T]] = {}

    async def at(self, name: str) -> T:
        """What ``look`` says of a name, or said a moment ago. Raises what it raises."""
        found = self._recent.get(name)
        if found is None:
            found = self._recent[name] = asyncio.ensure_future(self._look(name))
            found.add_done_callback(lambda looked: looked.cancelled() or looked.exception())  # also if nobody waits now
            asyncio.get_running_loop().call_later(POLL_S, self._recent.pop, name, None)
        return await asyncio.shield(found)


class Waiting:
    """Those who wait for a change. ``end`` is for a process that is asked to stop: all are answered as things stand."""

    def __init__(self) -> None:
        self._has_ended = False

    @property
    def has_ended(self) -> bool:
        """Whether the process is to stop."""
        return self._has_ended

    def end(self) -> None:
        """From now on nobody waits. Safe in a signal handler."""
        self._has_ended = True

    async def until(self, is_met: Callable[[], Awaitable[bool]], wait_s: float) -> None:
        """Return when ``is_met`` says so, at the latest after ``wait_s``; asks about seven times a second."""
        deadline = time.monotonic() + wait_s
        while not self._has_ended and time.monotonic() < deadline and not await is_met():  # noqa: ASYNC110 (it happens in another process)
            await asyncio.sleep(min(POLL_S, max(0.0, deadline - time.monotonic())))
