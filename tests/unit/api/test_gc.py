from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from services.queues import JobQueues
from services.store import keys
from services.store.connection import connect
from services.store.store import Store

from .conftest import Clients, calling, serving
from .routes import JOB

INDICES = (keys.ENDED_JOBS, keys.ENDED_WITH_JOURNAL, keys.ENDED_WITH_EVENTS)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def _ended(client: httpx.AsyncClient, store: Store, redis: Redis, days_ago: float) -> str:
    """A job with an answer and an event that ended long ago."""
    job_id = str((await client.post("/v1/jobs", json=JOB)).json()["id"])
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    await store.journal.append(lease, now=1.0, answers={1: b"a"}, events={1: b"e"})
    await store.jobs.move(job_id, ["queued"], "cancelled", drops_lease=True)
    for index in INDICES:
        await redis.zincrby(index, -86_400.0 * days_ago, job_id)
    return job_id


async def _gc(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await client.post("/v1/gc", json=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_nothing_goes_before_it_is_confirmed(as_caller: Clients, store: Store, redis: Redis) -> None:
    owner, other = await as_caller("web"), await as_caller("other")
    old, young = await _ended(owner, store, redis, 40), await _ended(owner, store, redis, 1)
    theirs = await _ended(other, store, redis, 40)
    assert (await _gc(owner))["num_jobs"] == 0
    planned = await _gc(owner, older_than_days=30)
    assert (planned["is_deleted"], planned["num_jobs"], [job["id"] for job in planned["jobs"]]) == (False, 1, [old])
    assert (await owner.get(f"/v1/jobs/{old}")).status_code == 200
    done = await _gc(owner, older_than_days=30, confirm=True)
    assert {**done, "is_deleted": False} == planned
    assert (await owner.get(f"/v1/jobs/{old}")).status_code == 404
    assert (await owner.get(f"/v1/jobs/{young}")).status_code == 200
    assert (await other.get(f"/v1/jobs/{theirs}")).status_code == 200


async def test_a_job_whose_webhook_is_to_be_called_is_spared(as_caller: Clients, store: Store, redis: Redis) -> None:
    owner = await as_caller("web")
    job_id = await _ended(owner, store, redis, 40)
    await redis.hset(keys.job(job_id), mapping={"webhook": "https://x", "webhook_state": "pending"})
    await redis.zadd(keys.WEBHOOKS, {job_id: 1e12})
    found = await _gc(owner, older_than_days=30, confirm=True)
    assert (found["num_jobs"], found["num_spared"]) == (0, 1)
    await store.webhooks.delivered(job_id)
    assert (await _gc(owner, older_than_days=30, confirm=True))["num_jobs"] == 1


async def test_settings_say_what_goes_and_orphans_always_do(
    redis_url: str, store: Store, queues: JobQueues, redis: Redis
) -> None:
    settings = {"PMPO_RETENTION_DAYS": "30", "PMPO_RETENTION_EVENTS_DAYS": "10", "PMPO_RETENTION_JOURNAL_DAYS": "2"}
    async with serving(redis_url, store, queues, **settings) as app, calling(app) as client:
        ids = [await _ended(client, store, redis, days_ago) for days_ago in (40, 20, 5, 1)]
        await redis.set(keys.fence("gone"), 1)
        found = await _gc(client, confirm=True)
        counted = {name: found[name] for name in ("num_jobs", "num_events", "num_journals", "num_orphans", "orphans")}
        assert counted == {
            "num_jobs": 1,
            "num_events": 1,
            "num_journals": 2,
            "num_orphans": 1,
            "orphans": [keys.fence("gone")],
        }
        kept = [(await store.journal.num_events(job_id), await store.journal.num_answers(job_id)) for job_id in ids]
        assert kept == [(0, 0), (0, 0), (1, 0), (1, 1)]
        again = await _gc(client, confirm=True)
        assert (again["num_jobs"], again["num_events"], again["num_journals"], again["num_orphans"]) == (0, 0, 0, 0)
