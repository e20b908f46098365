import asyncio
from collections.abc import MutableMapping
from typing import Any

from pmpo.errors import StoreUnavailableError
from services.store.store import Store
from services.worker.janitor import Duty, Janitor


class Counted:
    """A duty that counts, and does what it is told."""

    def __init__(self, name: str, *, interval_s: float = 0.0, error: Exception | None = None) -> None:
        self.name = name
        self.interval_s = interval_s
        self.num_begun = 0
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._error = error

    async def perform(self) -> None:
        self.num_begun += 1
        await self.may_end.wait()
        if self._error is not None:
            raise self._error


def _janitor(store: Store, *duties: Duty, lease_s: float = 60.0) -> Janitor:
    return Janitor(store.leases, duties, holder="janitor", lease_s=lease_s)


async def test_a_duty_that_fails_or_takes_long_holds_up_no_other(
    store: Store, logs: list[MutableMapping[str, Any]]
) -> None:
    slow, other = Counted("slow"), Counted("other")
    broken = Counted("broken", error=ValueError("a defect"))
    away = Counted("away", error=StoreUnavailableError("gone"))
    slow.may_end.clear()
    janitor = _janitor(store, slow, broken, away, other)
    for _ in range(3):
        janitor.begin()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert (slow.num_begun, broken.num_begun, away.num_begun, other.num_begun) == (1, 3, 3, 3)
    assert {entry["duty"]: entry["log_level"] for entry in logs} == {"broken": "error", "away": "warning"}
    slow.may_end.set()
    await janitor.sweep()
    await janitor.sweep()
    assert slow.num_begun == 2


async def test_a_duty_waits_out_its_interval(store: Store) -> None:
    often, rarely = Counted("often"), Counted("rarely", interval_s=3_600)
    janitor = _janitor(store, often, rarely)
    for _ in range(3):
        await janitor.sweep()
    assert (often.num_begun, rarely.num_begun) == (3, 1)


async def test_one_janitor_at_a_time_has_its_turn(store: Store) -> None:
    duties = [Counted("sweep") for _ in range(4)]
    running = [asyncio.create_task(_janitor(store, duty).run()) for duty in duties]
    while not any(duty.num_begun for duty in duties):
        await asyncio.sleep(0.01)
    assert sum(duty.num_begun for duty in duties) == 1
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
