"""Long-polling: answer when something changed, when the caller's patience is over, or when the process is to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

POLL_S = 0.15


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
