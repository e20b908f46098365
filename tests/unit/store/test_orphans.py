from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from services.store import keys
from services.store.connection import connect
from services.store.orphans import Orphan
from services.store.records import NewJob
from services.store.store import Store


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def _found(store: Store, project: str = "default") -> set[Orphan]:
    return {orphan async for orphan in store.orphans.find(project)}


async def test_what_has_a_job_is_no_orphan(store: Store, new_job: NewJob) -> None:
    for job_id, project in (("j1", "default"), ("j2", "web")):
        await store.jobs.create(replace(new_job, id=job_id, project=project, webhook="https://x"))
        lease = await store.leases.try_acquire(job_id, "worker")
        assert lease is not None
        await store.jobs.move(job_id, ["queued"], "running", lease=lease)
        await store.journal.append(lease, now=1.0, answers={1: b"a"}, events={1: b"e"})
    await store.jobs.move("j2", ["running"], "failed")
    assert await _found(store) == await _found(store, "web") == set()
    assert not await store.orphans.delete(Orphan("j1", keys.journal("j1")))
    assert not await store.orphans.delete(Orphan("j1", keys.ACTIVE_JOBS, is_entry=True))
    assert await store.journal.answers("j1") == {1: b"a"}


async def test_keys_and_entries_of_a_job_that_is_gone_are_found_and_deleted(
    store: Store, new_job: NewJob, redis: Redis
) -> None:
    await store.jobs.create(new_job)
    for number in range(500):
        await redis.set(keys.fence(f"gone-{number}"), 1)
    await redis.sadd(keys.ACTIVE_JOBS, "gone-0")
    await redis.zadd(keys.jobs("default"), {"gone-1": 1.0})
    await redis.zadd(keys.jobs("web"), {"gone-2": 1.0})
    await redis.zadd(keys.WEBHOOKS, {"gone-3": 1.0})
    found = await _found(store)
    assert {str(orphan) for orphan in found} == {
        *(keys.fence(f"gone-{number}") for number in range(500)),
        f"gone-0 in {keys.ACTIVE_JOBS}",
        f"gone-1 in {keys.jobs('default')}",
        f"gone-3 in {keys.WEBHOOKS}",
    }
    assert all([await store.orphans.delete(orphan) for orphan in found])
    assert await _found(store) == set()
    assert {str(orphan) for orphan in await _found(store, "web")} == {f"gone-2 in {keys.jobs('web')}"}
    assert (await store.jobs.get("j1")).id == "j1"
