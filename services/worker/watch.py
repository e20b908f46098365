"""What goes on beside a search: holding on to the lease, and looking whether the job was cancelled."""

from __future__ import annotations

import asyncio
import time

from pmpo.errors import StoreUnavailableError
from services.store.keys import renewal_interval_s
from services.store.leases import Lease, lease_lost
from services.store.store import Store

CANCEL_CHECK_S = 0.5


class Watch:
    """The watchers of one run."""

    def __init__(self, store: Store, lease: Lease, lease_s: float) -> None:
        self._store = store
        self._lease = lease
        self._lease_s = lease_s

    async def keep_lease(self) -> None:
        """Renew for ever. A Redis that does not answer is asked again until the lease must have expired.

        Raises:
            LeaseLostError: somebody else may hold the job now.
        """
        held_until = time.monotonic() + self._lease_s
        while True:
            await asyncio.sleep(renewal_interval_s(self._lease_s))
            asked_at = time.monotonic()
            try:
                await self._store.leases.renew(self._lease)
                held_until = asked_at + self._lease_s
            except StoreUnavailableError:
                if time.monotonic() >= held_until:
                    raise lease_lost(self._lease.job_id) from None

    async def cancelled(self) -> None:
        """Return when the job is to be cancelled."""
        while True:
            try:
                if await self._store.jobs.state(self._lease.job_id) == "cancelling":
                    return
            except StoreUnavailableError:
                pass  # keep_lease decides how long that may last
            await asyncio.sleep(CANCEL_CHECK_S)
