"""Turns on a shared resource: of each job one request at a time, so that no job fills the resource's own queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Line:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    num_inside: int = 0


class Turns:
    """A lock for each job that asks, kept as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def turn(self, job: str) -> AsyncIterator[None]:
        """Wait until no other request of the job is inside; its requests enter in the order in which they came."""
        line = self._lines.setdefault(job, _Line())
        line.num_inside += 1
        try:
            async with line.lock:
                yield
        finally:
            line.num_inside -= 1
            if not line.num_inside:
                del self._lines[job]
