import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from pmpo.errors import NotFoundError
from pmpo.runtime.settings import load_settings
from services.store import keys
from services.store.connection import connect
from services.store.keeping import DAY_S, Keeping
from services.store.store import Store
from services.worker.retention import Retention

from .conftest import new_job

FOR_EVER = Keeping.of(load_settings({}))


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def _end(store: Store, redis: Redis, job_id: str, days_ago: float) -> None:
    """A job with an answer and an event that ended some days ago."""
    await store.jobs.create(new_job(job_id))
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    await store.jobs.move(job_id, ["queued"], "running", lease=lease)
    await store.journal.append(lease, now=1.0, answers={1: b"a"}, events={1: b"e"})
    await store.jobs.move(job_id, ["running"], "succeeded", lease=lease, drops_lease=True)
    ended_at = time.time() - days_ago * DAY_S
    for index in (keys.ENDED_JOBS, keys.ENDED_WITH_JOURNAL, keys.ENDED_WITH_EVENTS):
        await redis.zadd(index, {job_id: ended_at}, xx=True)


async def test_by_default_everything_is_kept(store: Store, redis: Redis) -> None:
    await _end(store, redis, "old", 10_000)
    await Retention(store, FOR_EVER).perform()
    assert await store.journal.num_events("old") == 1
    assert await store.journal.num_answers("old") == 1


async def test_each_thing_goes_in_its_time(store: Store, redis: Redis) -> None:
    for days_ago in (1, 5, 50, 500):
        await _end(store, redis, f"d{days_ago}", days_ago)
    await Retention(store, Keeping(job_days=100, events_days=30, journal_days=3)).perform()
    with pytest.raises(NotFoundError):
        await store.jobs.get("d500")
    kept = {
        job_id: (await store.journal.num_events(job_id), await store.journal.num_answers(job_id))
        for job_id in ("d1", "d5", "d50")
    }
    assert kept == {"d1": (1, 1), "d5": (1, 0), "d50": (0, 0)}
    assert [record.id for record in await store.jobs.newest("default", 10)] == ["d50", "d5", "d1"]


async def test_a_job_that_is_not_over_is_kept_however_old(store: Store) -> None:
    await store.jobs.create(new_job("paused"))
    await store.jobs.move("paused", ["queued"], "paused")
    await Retention(store, Keeping(1e-9, 1e-9, 1e-9)).perform()
    assert await store.jobs.state("paused") == "paused"
