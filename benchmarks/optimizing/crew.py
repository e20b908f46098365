"""The crew: engines that trials and tests are dealt out to, so that every core has something to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from benchmarks.engine import Engine, open_engine
from pmpo.runtime.tasks import all_of

T = TypeVar("T")


class Crew:
    """Engines of the same model.

    Args:
        engines: one at least.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = engines
        self._free: asyncio.Queue[Engine] = asyncio.Queue()
        for engine in engines:
            self._free.put_nowait(engine)

    async def do(self, tasks: Sequence[Callable[[Engine], Awaitable[T]]]) -> list[T]:
        """What the tasks give, in order; each has an engine for itself. The first failure cancels the others."""
        return await all_of(self._one(task) for task in tasks)

    async def _one(self, task: Callable[[Engine], Awaitable[T]]) -> T:
        engine = await self._free.get()
        try:
            return await task(engine)
        finally:
            self._free.put_nowait(engine)


@asynccontextmanager
async def open_crew(model: str, num_engines: int) -> AsyncIterator[Crew]:
    """Start so many scorers, each with one thread when there are several; stop them at the end.

    Raises:
        UnavailableError: one did not start.
    """
    async with AsyncExitStack() as stack:
        num_threads = 1 if num_engines > 1 else 0
        engines = [await stack.enter_async_context(open_engine(model, num_threads)) for _ in range(num_engines)]
        yield Crew(engines)
