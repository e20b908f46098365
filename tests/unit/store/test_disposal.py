import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from pmpo.contracts.jobs import JobState
from pmpo.errors import ConflictError, LeaseLostError, NotFoundError
from services.store.connection import connect
from services.store.records import NewJob
from services.store.store import Store

FAR = time.time() + 1e6


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def _run(store: Store, job: NewJob, end: JobState | None = "succeeded") -> None:
    """A job with an answer and an event, ended or still held."""
    await store.jobs.create(job)
    lease = await store.leases.try_acquire(job.id, "worker")
    assert lease is not None
    await store.jobs.move(job.id, ["queued"], "running", lease=lease)
    await store.journal.append(lease, now=1.0, answers={1: b"a"}, events={1: b"e"})
    if end is not None:
        await store.jobs.move(job.id, ["running"], end, lease=lease, drops_lease=True, changes={"result": b"{}"})


async def test_nothing_of_a_deleted_job_is_left(store: Store, new_job: NewJob, redis: Redis) -> None:
    await _run(store, replace(new_job, webhook="https://hooks.example.com"))
    await store.disposal.delete("j1")
    assert await redis.keys("*") == []
    with pytest.raises(NotFoundError):
        await store.disposal.delete("j1")


@pytest.mark.parametrize("state", ["queued", "running", "paused", "cancelling"])
async def test_a_job_that_is_not_over_is_not_deleted(
    store: Store, new_job: NewJob, redis: Redis, state: JobState
) -> None:
    await _run(store, new_job, end=None)
    await store.jobs.move("j1", ["running"], state)
    before = sorted(await redis.keys("*"))
    with pytest.raises(ConflictError, match=f"job j1 is {state}, and only a job that is over .* or `pmpo cancel j1`"):
        await store.disposal.delete("j1")
    assert not await store.disposal.trim("j1", "journal")
    assert sorted(await redis.keys("*")) == before


async def test_a_worker_that_comes_back_to_a_deleted_job_writes_nothing(
    store: Store, new_job: NewJob, redis: Redis
) -> None:
    await store.jobs.create(new_job)
    lease = await store.leases.try_acquire("j1", "frozen")
    assert lease is not None
    await store.jobs.move("j1", ["queued"], "running", lease=lease)
    await store.jobs.move("j1", ["running"], "cancelled", drops_lease=True)
    await store.disposal.delete("j1")
    with pytest.raises(LeaseLostError):
        await store.journal.append(lease, now=1.0, answers={1: b"a"})
    with pytest.raises(LeaseLostError):
        await store.leases.renew(lease)
    assert await redis.keys("*") == []


async def test_a_part_goes_and_the_job_says_so(store: Store, new_job: NewJob) -> None:
    await _run(store, new_job)
    assert await store.disposal.ended_before(FAR, "journal") == ["j1"]
    assert await store.disposal.trim("j1", "journal")
    assert await store.disposal.ended_before(FAR, "journal") == []
    assert await store.journal.answers("j1") == {}
    assert not (await store.jobs.get("j1")).has_lost_events
    assert await store.disposal.trim("j1", "events")
    assert (await store.jobs.get("j1")).has_lost_events
    assert await store.jobs.result("j1") == b"{}"
    assert not await store.disposal.trim("j1", "events")


async def test_a_job_without_events_has_lost_none(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(new_job)
    await store.jobs.move("j1", ["queued"], "cancelled")
    assert not await store.disposal.trim("j1", "events")
    assert not (await store.jobs.get("j1")).has_lost_events


async def test_jobs_are_found_by_the_time_of_their_end(store: Store, new_job: NewJob) -> None:
    await _run(store, new_job)
    await _run(store, replace(new_job, id="j2"), end=None)
    assert await store.disposal.ended_before(FAR) == ["j1"]
    assert await store.disposal.ended_before(time.time() - 3_600) == []


async def test_a_job_whose_webhook_is_to_be_called_is_spared_until_then(store: Store, new_job: NewJob) -> None:
    await _run(store, replace(new_job, webhook="https://hooks.example.com"))
    assert not await store.disposal.try_delete("j1")
    await store.webhooks.delivered("j1")
    assert await store.disposal.try_delete("j1")
