"""A worker's hold on a job, through outages of Redis: what is to be written waits for Redis, and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pmpo.errors import StoreUnavailableError
from pmpo.runtime.logs import get_logger
from services.store.keys import renewal_interval_s
from services.store.leases import Lease
from services.store.store import Store

log = get_logger()
RETRY_S = 0.5
T = TypeVar("T")


class Hold:
    """One lease. While Redis is away nobody can take the job, so the holder waits instead of giving up."""

    def __init__(self, store: Store, lease: Lease, lease_s: float) -> None:
        self.lease = lease
        self._store = store
        self._interval_s = renewal_interval_s(lease_s)

    async def through_outages(self, step: Callable[[], Awaitable[T]]) -> T:
        """The answer of ``step``, which is asked again until Redis answers, so it must be harmless to do twice.

        Raises:
            LeaseLostError: somebody else took the job meanwhile.
        """
        was_away = False
        while True:
            try:
                if was_away:
                    await self._store.leases.renew(self.lease)  # it may have run out while Redis was away
                return await step()
            except StoreUnavailableError as error:
                if not was_away:
                    log.warning("waiting_for_redis", job_id=self.lease.job_id, reason=error.message)
                was_away = True
                await asyncio.sleep(RETRY_S)

    async def keep(self) -> None:
        """Renew for ever.

        Raises:
            LeaseLostError: somebody else took the job, or moved it on.
        """
        while True:
            await asyncio.sleep(self._interval_s)
            await self.through_outages(lambda: self._store.leases.renew(self.lease))
