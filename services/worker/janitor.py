"""The janitor: one in every worker, one at a time has its turn. What it does then is a list of duties."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from pmpo.errors import StoreUnavailableError
from pmpo.runtime.logs import get_logger
from services.store.keys import sweep_interval_s
from services.store.leases import Leases

log = get_logger()


class Duty(Protocol):
    """Something to be done now and then, by one worker for all.

    A turn runs out while a long duty goes on, and another worker's janitor may begin the same one: each of its steps
    must be harmless to do twice at once, by compare-and-set or by a claim in the store.
    """

    @property
    def name(self) -> str:
        """What logs call it."""
        ...

    @property
    def interval_s(self) -> float:
        """Least time between two performances by one worker; 0: at every turn."""
        ...

    async def perform(self) -> None:
        """Do what is to be done now, and return. An error is logged, and the next turn tries again."""
        ...


class Janitor:
    """Performs its duties side by side: one that takes long, or fails, holds up no other."""

    def __init__(self, leases: Leases, duties: Sequence[Duty], *, holder: str, lease_s: float) -> None:
        self._leases = leases
        self._duties = duties
        self._holder = holder
        self._turn_s = sweep_interval_s(lease_s)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._begun_at: dict[str, float] = {}

    async def run(self) -> None:
        """Sweep for ever. A Redis that does not answer is asked again at the next interval."""
        while True:
            try:
                if await self._leases.take_turn(self._holder):
                    self.begin()
            except StoreUnavailableError as error:
                log.warning("sweep_failed", duty="turn", reason=error.message)
            await asyncio.sleep(self._turn_s)

    def begin(self) -> None:
        """Begin every duty whose time has come and that is not under way; answers at once."""
        now = time.monotonic()
        for duty in self._duties:
            before = self._under_way.get(duty.name)
            is_due = now - self._begun_at.get(duty.name, float("-inf")) >= duty.interval_s
            if is_due and (before is None or before.done()):
                self._begun_at[duty.name] = now
                self._under_way[duty.name] = asyncio.create_task(_performed(duty))

    async def sweep(self) -> None:
        """Begin what is due, and wait for the end of all that is under way."""
        self.begin()
        await asyncio.gather(*self._under_way.values())


async def _performed(duty: Duty) -> None:
    try:
        await duty.perform()
    except StoreUnavailableError as error:
        log.warning("sweep_failed", duty=duty.name, reason=error.message)
    except Exception:
        log.exception("sweep_failed", duty=duty.name)  # the next sweep must come, whatever one job did to this one
