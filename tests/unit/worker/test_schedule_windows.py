"""Windows that hold the jobs of schedules: on a real Redis."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from services.queues import JobQueues
from services.store import keys
from services.store.store import Store
from services.worker.schedules.making import MakingJobs
from services.worker.schedules.windows import HoldingWindows

from .scheduled import finish, jobs_of, scheduled, window


async def test_a_job_outside_of_its_window_waits_paused_until_it_opens(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    await scheduled(store, window=window(is_open=False))
    await MakingJobs(store, queues).perform()
    (job_id,) = await jobs_of(store)
    assert (await store.jobs.state(job_id), await queues.waiting()) == ("paused", frozenset())
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "paused"
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=True))
    await HoldingWindows(store, queues).perform()
    (entry,) = await queues.waiting()
    job = await store.jobs.get(job_id)
    assert (job.state, job.enqueued_id) == ("queued", entry)


@pytest.mark.parametrize("is_held", [True, False], ids=["its worker still has it", "its worker let go"])
async def test_a_running_job_is_paused_at_the_windows_end_and_goes_on_at_its_start(
    store: Store, queues: JobQueues, redis: Redis, is_held: bool
) -> None:
    await scheduled(store, window=window(is_open=True))
    await MakingJobs(store, queues).perform()
    (job_id,) = await jobs_of(store)
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    await store.jobs.move(job_id, ["queued"], "running", lease=lease)
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "running"
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=False))
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "paused"
    if not is_held:
        await store.leases.release(lease)
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=True))
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == ("running" if is_held else "queued")


async def test_what_somebody_paused_by_hand_stays_paused(store: Store, queues: JobQueues) -> None:
    await scheduled(store, window=window(is_open=True))
    await MakingJobs(store, queues).perform()
    (job_id,) = await jobs_of(store)
    await store.jobs.move(job_id, ["queued"], "paused")
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "paused"


async def test_a_job_that_is_over_is_not_looked_at_again(store: Store, queues: JobQueues, redis: Redis) -> None:
    await scheduled(store, window=window(is_open=True))
    await MakingJobs(store, queues).perform()
    assert await redis.smembers(keys.WINDOWED_SCHEDULES) == {b"sch_1"}
    await finish(store, (await jobs_of(store))[0])
    await HoldingWindows(store, queues).perform()
    assert await redis.smembers(keys.WINDOWED_SCHEDULES) == set()


async def test_a_paused_schedules_window_still_holds_its_job(store: Store, queues: JobQueues, redis: Redis) -> None:
    record = await scheduled(store, window=window(is_open=True))
    await MakingJobs(store, queues).perform()
    (job_id,) = await jobs_of(store)
    await store.schedules.pause(record)
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=False))
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "paused"
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=True))
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "queued"
