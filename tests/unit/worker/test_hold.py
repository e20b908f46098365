"""A hold through real outages: a Redis that is killed and comes back with what it wrote down."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmpo.errors import LeaseLostError
from services.stack.options import free_port
from services.store import keys
from services.store.connection import connect
from services.store.leases import Lease
from services.store.store import Store
from services.worker.hold import RETRY_S, Hold
from tests.unit.private_redis import PrivateRedis

from .conftest import new_job

LEASE_S = 60.0


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[PrivateRedis]:
    server = PrivateRedis(tmp_path)
    server.start()
    yield server
    server.kill()


async def _running(store: Store) -> Lease:
    await store.jobs.create(new_job("j1"))
    lease = await store.leases.try_acquire("j1", "me")
    assert lease is not None
    await store.jobs.move("j1", ["queued"], "running", lease=lease)
    return lease


async def _let_lease_run_out(url: str) -> None:
    """What time does to it while Redis is away."""
    client = connect(url)
    await client.delete(keys.lease("j1"))
    await client.aclose()


async def test_a_write_waits_for_redis_and_a_lease_that_ran_out_meanwhile_comes_back(
    private_redis: PrivateRedis,
) -> None:
    store = Store.open(private_redis.url, LEASE_S)
    lease = await _running(store)
    await store.journal.append(lease, now=1.0, answers={1: b"before"})
    await _let_lease_run_out(private_redis.url)
    private_redis.kill()
    step = Hold(store, lease, LEASE_S).through_outages(
        lambda: store.journal.append(lease, now=2.0, answers={2: b"during"})
    )
    writing = asyncio.create_task(step)
    await asyncio.sleep(RETRY_S * 2)
    assert not writing.done()
    await asyncio.to_thread(private_redis.start)
    await writing
    assert await store.journal.answers("j1") == {1: b"before", 2: b"during"}
    assert await store.leases.try_acquire("j1", "another") is None
    await store.close()


async def test_a_job_that_was_taken_before_redis_came_back_is_lost(private_redis: PrivateRedis) -> None:
    store = Store.open(private_redis.url, LEASE_S)
    lease = await _running(store)
    await _let_lease_run_out(private_redis.url)
    private_redis.kill()
    step = Hold(store, lease, LEASE_S).through_outages(
        lambda: store.journal.append(lease, now=2.0, answers={2: b"late"})
    )
    writing = asyncio.create_task(step)
    elsewhere = free_port()  # the network between the holder and Redis is cut, and not that of its rival
    await asyncio.to_thread(private_redis.start, elsewhere)
    rival = Store.open(f"redis://127.0.0.1:{elsewhere}/0", LEASE_S)
    assert await rival.leases.try_acquire("j1", "another") is not None
    await rival.close()
    private_redis.kill()
    await asyncio.to_thread(private_redis.start)
    with pytest.raises(LeaseLostError):
        await writing
    assert await store.journal.answers("j1") == {}
    await store.close()
