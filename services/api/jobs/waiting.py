"""Long-polling: answer when something changed, or when the caller's patience is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

POLL_S = 0.15


async def wait_until(is_met: Callable[[], Awaitable[bool]], wait_s: float) -> None:
    """Return when ``is_met`` says so, at the latest after ``wait_s``; asks about seven times a second."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline and not await is_met():  # noqa: ASYNC110 (the change is in another process)
        await asyncio.sleep(min(POLL_S, max(0.0, deadline - time.monotonic())))
