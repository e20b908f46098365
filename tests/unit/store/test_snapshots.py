from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from pmpo.contracts.jobs import JobState, WebhookView
from services.store import keys
from services.store.connection import connect
from services.store.records import NewJob
from services.store.snapshots import NOT_DELIVERED, Snapshot
from services.store.store import Store


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def _job(store: Store, new_job: NewJob, state: JobState) -> Snapshot:
    """A job with answers and events, its snapshot taken."""
    await store.jobs.create(new_job)
    lease = await store.leases.try_acquire(new_job.id, "worker")
    assert lease is not None
    await store.jobs.move(new_job.id, ["queued"], "running", lease=lease, changes={"attempts": 3})
    await store.journal.append(lease, now=1.0, answers={1: b"\xff\x00", 12: b"b"}, events={1: b"e1", 2: b"e2"})
    await store.jobs.move(new_job.id, ["running"], state, lease=lease, changes={"result": b"{}"})
    taken = await store.snapshots.take(new_job.id)
    assert taken is not None
    return taken


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "paused", "running", "cancelling"])
async def test_a_restored_job_is_the_one_that_was_taken(
    store: Store, new_job: NewJob, redis: Redis, state: JobState
) -> None:
    taken = await _job(store, new_job, state)
    before = await store.jobs.get("j1")
    await redis.flushall()
    assert await store.snapshots.restore(taken, "web")
    after = await store.jobs.get("j1")
    is_over = state in ("succeeded", "failed", "cancelled")
    assert after.view == before.view.model_copy(update={} if is_over else {"state": "paused"})
    assert after.project == "web"
    assert [record.id for record in await store.jobs.newest("web", 9)] == ["j1"]
    assert [record.id for record in await store.jobs.active()] == ([] if is_over else ["j1"])
    assert await store.disposal.ended_before(1e12, "journal") == (["j1"] if is_over else [])
    assert await store.journal.answers("j1") == {1: b"\xff\x00", 12: b"b"}
    assert await store.journal.events("j1") == [b"e1", b"e2"]
    assert await store.jobs.result("j1") == b"{}"
    assert await store.snapshots.take("j1") == taken


async def test_a_restored_job_goes_on_where_it_stood(store: Store, new_job: NewJob, redis: Redis) -> None:
    taken = await _job(store, new_job, "running")
    await redis.flushall()
    await store.snapshots.restore(taken, "default")
    await store.jobs.move("j1", ["paused"], "queued", only_unheld=True)
    lease = await store.leases.try_acquire("j1", "another")
    assert lease is not None
    await store.jobs.move("j1", ["queued"], "running", lease=lease)
    await store.journal.append(lease, now=2.0, answers={13: b"c"}, events={3: b"e3"})
    assert await store.journal.num_events("j1") == 3


async def test_nothing_is_overwritten(store: Store, new_job: NewJob) -> None:
    taken = await _job(store, new_job, "succeeded")
    changed = replace(taken, fields={**taken.fields, "name": b"other"}, events=[])
    assert not await store.snapshots.restore(changed, "default")
    assert not await store.snapshots.restore(changed, "web")
    assert await store.snapshots.take("j1") == taken
    assert await store.snapshots.job_ids("web") == []


async def test_the_webhook_of_a_restored_job_is_called_by_the_service_that_ran_it(
    store: Store, new_job: NewJob, redis: Redis
) -> None:
    taken = await _job(store, replace(new_job, webhook="https://hooks.example.com"), "succeeded")
    assert await store.webhooks.due(9) == ["j1"]
    await redis.flushall()
    await store.snapshots.restore(taken, "default")
    assert await store.webhooks.due(9) == []
    assert (await store.jobs.get("j1")).view.webhook == WebhookView(state="failed", detail=NOT_DELIVERED)


async def test_a_restored_job_leaves_nothing_when_it_is_deleted(store: Store, new_job: NewJob, redis: Redis) -> None:
    taken = await _job(store, new_job, "succeeded")
    await redis.flushall()
    await store.snapshots.restore(taken, "web")
    await store.disposal.delete("j1")
    assert await redis.keys("*") == []
    assert await store.snapshots.take("j1") is None
    assert keys.JOB_PREFIX in keys.job("j1")
