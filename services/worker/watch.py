"""What goes on beside a search: looking whether its job was cancelled or paused."""

from __future__ import annotations

import asyncio

from pmpo.contracts.jobs import FINAL_STATES
from pmpo.errors import StoreUnavailableError
from services.store.store import Store
from services.worker.gate import Gate

LOOK_S = 0.4


async def watch_state(store: Store, job_id: str, gate: Gate) -> None:
    """Return when the job is to be cancelled, or was; keep the gate closed while it is paused."""
    while True:
        try:
            state = await store.jobs.state(job_id)
            if state == "cancelling" or state in FINAL_STATES:
                return
            gate.set_paused(state == "paused")
        except StoreUnavailableError:
            pass  # whoever writes waits for Redis; nobody can have cancelled meanwhile
        await asyncio.sleep(LOOK_S)
