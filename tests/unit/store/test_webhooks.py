import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from pmpo.contracts.jobs import WebhookView
from services.store import keys
from services.store.connection import connect
from services.store.records import NewJob
from services.store.store import Store

URL = "https://hooks.example.com/x"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def ended(store: Store, new_job: NewJob) -> str:
    """A job with a webhook that has come to its end."""
    await store.jobs.create(replace(new_job, webhook=URL))
    await store.jobs.move("j1", ["queued"], "running")
    await store.jobs.move("j1", ["running"], "succeeded", changes={"result": b"{}"})
    return "j1"


async def _view(store: Store) -> WebhookView | None:
    return (await store.jobs.get("j1")).view.webhook


async def test_a_webhook_is_due_with_the_end_of_its_job_and_not_before(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(replace(new_job, webhook=URL))
    await store.jobs.create(replace(new_job, id="j2"))
    for job_id in ("j1", "j2"):
        await store.jobs.move(job_id, ["queued"], "running")
    assert await store.webhooks.due(10) == []
    assert await _view(store) == WebhookView(state="pending")
    for job_id in ("j1", "j2"):
        await store.jobs.move(job_id, ["running"], "failed")
    assert await store.webhooks.due(10) == ["j1"]
    assert (await store.jobs.get("j2")).view.webhook is None


async def test_a_call_is_claimed_by_one_and_comes_back_when_nothing_is_noted(
    store: Store, ended: str, redis: Redis
) -> None:
    claims = await asyncio.gather(*(store.webhooks.try_claim(ended, 60.0) for _ in range(10)))
    (claim,) = [each for each in claims if each is not None]
    assert (claim.url, claim.attempt) == (URL, 1)
    assert await store.webhooks.due(10) == []
    await redis.zadd(keys.WEBHOOKS, {ended: 1.0})  # the claim ran out: its caller died
    again = await store.webhooks.try_claim(ended, 60.0)
    assert again is not None
    assert again.attempt == 2


async def test_what_became_of_a_call_is_seen_in_the_job(store: Store, ended: str) -> None:
    await store.webhooks.try_claim(ended, 60.0)
    await store.webhooks.put_off(ended, 60.0, "it answered 500")
    assert await _view(store) == WebhookView(state="pending", attempts=1, detail="it answered 500")
    assert await store.webhooks.try_claim(ended, 60.0) is None
    await store.webhooks.put_off(ended, -1.0, "it answered 500")
    await store.webhooks.try_claim(ended, 60.0)
    await store.webhooks.delivered(ended)
    assert await _view(store) == WebhookView(state="delivered", attempts=2)
    await store.webhooks.failed(ended, "too late: somebody else delivered it")
    assert await _view(store) == WebhookView(state="delivered", attempts=2)


async def test_noting_changes_neither_the_end_of_the_job_nor_brings_a_deleted_one_back(
    store: Store, ended: str
) -> None:
    before = await store.jobs.get(ended)
    await store.webhooks.try_claim(ended, 60.0)
    await store.webhooks.put_off(ended, -1.0, "no")
    assert (await store.jobs.get(ended)).view.updated_at == before.view.updated_at
    await store.webhooks.try_claim(ended, 60.0)
    await store.disposal.delete(ended)
    await store.webhooks.put_off(ended, -1.0, "no")
    assert await store.jobs.version(ended) == 0
    assert await store.webhooks.due(10) == []
