import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from pmpo.errors import LeaseLostError
from services.store import keys
from services.store.connection import connect
from services.store.records import NewJob
from services.store.store import Store

LEASE_S = 60.0


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def test_one_holder_at_a_time_and_rising_tokens(store: Store) -> None:
    first = await store.leases.try_acquire("j", "a")
    assert first is not None
    assert await store.leases.try_acquire("j", "b") is None
    await store.leases.release(first)
    second = await store.leases.try_acquire("j", "b")
    assert second is not None
    assert second.token > first.token


async def test_of_many_who_try_one_gets_it(store: Store) -> None:
    leases = await asyncio.gather(*(store.leases.try_acquire("j", f"worker-{n}") for n in range(20)))
    assert sum(lease is not None for lease in leases) == 1


async def test_asking_again_gives_the_same_lease(store: Store) -> None:
    assert await store.leases.try_acquire("j", "a") == await store.leases.try_acquire("j", "a")


async def test_a_renewed_lease_lives_on_and_an_expired_one_is_lost(store: Store, redis: Redis) -> None:
    lease = await store.leases.try_acquire("j", "a")
    assert lease is not None
    await redis.pexpire(keys.lease("j"), 10_000)
    await store.leases.renew(lease)
    assert await redis.pttl(keys.lease("j")) > 10_000
    await redis.delete(keys.lease("j"))  # what Redis does when the time is over
    with pytest.raises(LeaseLostError):
        await store.leases.renew(lease)
    assert await store.leases.try_acquire("j", "b") is not None


async def test_a_lease_that_ran_out_comes_back_while_its_job_is_under_way_and_nobody_took_it(
    store: Store, redis: Redis, new_job: NewJob
) -> None:
    await store.jobs.create(new_job)
    lease = await store.leases.try_acquire("j1", "a")
    assert lease is not None
    await store.jobs.move("j1", ["queued"], "running", lease=lease)
    await redis.delete(keys.lease("j1"))
    await store.leases.renew(lease)
    await store.journal.append(lease, now=1.0, answers={1: b"written"})
    await redis.delete(keys.lease("j1"))
    await store.jobs.move("j1", ["running"], "queued", only_unheld=True)  # the janitor's move
    with pytest.raises(LeaseLostError):
        await store.leases.renew(lease)
    taken = await store.leases.try_acquire("j1", "b")
    assert taken is not None
    await store.jobs.move("j1", ["queued"], "running", lease=taken)
    await redis.delete(keys.lease("j1"))
    with pytest.raises(LeaseLostError):
        await store.leases.renew(lease)  # somebody held it since, though nobody does now
    await store.leases.renew(taken)


async def test_the_late_one_neither_renews_nor_releases_what_is_anothers(store: Store) -> None:
    late = await store.leases.try_acquire("j", "a")
    assert late is not None
    await store.leases.release(late)
    current = await store.leases.try_acquire("j", "b")
    assert current is not None
    with pytest.raises(LeaseLostError, match="job j"):
        await store.leases.renew(late)
    await store.leases.release(late)
    await store.leases.renew(current)


async def test_one_janitor_has_its_turn_and_the_turn_ends(store: Store, redis: Redis) -> None:
    turns = await asyncio.gather(*(store.leases.take_turn(f"janitor-{n}") for n in range(5)))
    assert sum(turns) == 1
    assert 0 < await redis.pttl(keys.JANITOR_TURN) <= keys.sweep_interval_s(LEASE_S) * 1000
    await redis.delete(keys.JANITOR_TURN)
    assert await store.leases.take_turn("janitor-9")
