import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from redis.asyncio import Redis

from pmpo.contracts.jobs import WebhookView
from services.store import keys
from services.store.connection import connect
from services.store.store import Store
from services.webhooks.targets import WebhookTargets
from services.worker.webhooks.delivery import MAX_TRIES, WebhookDelivery
from services.worker.webhooks.sender import WebhookSender
from tests.webhook_receiver import Receiver, serving

from .conftest import new_job


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


def _delivery(store: Store) -> WebhookDelivery:
    targets = WebhookTargets.read("127.0.0.0/8")
    return WebhookDelivery(store, WebhookSender(targets, (b"k" * 32,), httpx.create_ssl_context()))


async def _end(store: Store, url: str, job_id: str = "j1") -> None:
    await store.jobs.create(replace(new_job(job_id), webhook=url))
    await store.jobs.move(job_id, ["queued"], "cancelled", changes={"stop_reason": "cancelled"})


async def _webhook(store: Store, job_id: str = "j1") -> WebhookView:
    found = (await store.jobs.get(job_id)).view.webhook
    assert found is not None
    return found


async def test_the_end_of_a_job_is_told_once(store: Store) -> None:
    with serving(Receiver()) as receiver:
        await _end(store, receiver.url)
        for _ in range(2):
            await _delivery(store).perform()
    (taken,) = receiver.taken
    assert json.loads(taken.body)["type"] == "job.cancelled"
    assert taken.headers["webhook-id"] == "msg_j1"
    assert await _webhook(store) == WebhookView(state="delivered", attempts=1)


async def test_many_workers_at_once_call_each_webhook_once(store: Store) -> None:
    with serving(Receiver()) as receiver:
        for number in range(40):
            await _end(store, receiver.url, f"j{number}")
        await asyncio.gather(*(_delivery(store).perform() for _ in range(4)))
    assert sorted(taken.headers["webhook-id"] for taken in receiver.taken) == sorted(f"msg_j{n}" for n in range(40))


async def test_a_failed_call_is_made_again_with_the_same_id_and_body(store: Store, redis: Redis) -> None:
    with serving(Receiver(statuses=[500, 429, 200])) as receiver:
        await _end(store, receiver.url)
        for expected in ("it answered 500", "it answered 429", ""):
            await _delivery(store).perform()
            await _delivery(store).perform()  # it waits out its back-off
            assert (await _webhook(store)).detail == expected
            await redis.zadd(keys.WEBHOOKS, {"j1": 1.0}, xx=True)
    assert len({(taken.headers["webhook-id"], taken.body) for taken in receiver.taken}) == 1
    assert await _webhook(store) == WebhookView(state="delivered", attempts=3)


async def test_a_receiver_that_never_takes_it_is_given_up(store: Store, redis: Redis) -> None:
    waits = []
    with serving(Receiver(statuses=[503])) as receiver:
        await _end(store, receiver.url)
        for _ in range(MAX_TRIES):
            await _delivery(store).perform()
            due = await redis.zscore(keys.WEBHOOKS, "j1")
            waits.append(due)
            await redis.zadd(keys.WEBHOOKS, {"j1": 1.0}, xx=True)
        await _delivery(store).perform()
    assert len(receiver.taken) == MAX_TRIES
    assert waits[-1] is None
    assert sorted(waits[:-1]) == waits[:-1]
    last = f"it answered 503 (given up after {MAX_TRIES} tries)"
    assert await _webhook(store) == WebhookView(state="failed", attempts=MAX_TRIES, detail=last)


async def test_a_call_whose_callers_all_die_is_given_up(store: Store, redis: Redis) -> None:
    with serving(Receiver()) as receiver:
        await _end(store, receiver.url)
        for _ in range(MAX_TRIES):
            assert await store.webhooks.try_claim("j1", 60.0) is not None
            await redis.zadd(keys.WEBHOOKS, {"j1": 1.0})
        await _delivery(store).perform()
    assert receiver.taken == []
    assert (await _webhook(store)).state == "failed"


async def test_a_target_inside_is_refused_for_good_and_others_go_on(store: Store) -> None:
    with serving(Receiver()) as receiver:
        await _end(store, "https://169.254.169.254/", "inside")
        await _end(store, receiver.url)
        await _delivery(store).perform()
    refused = await _webhook(store, "inside")
    assert refused.state == "failed"
    assert "no public address" in refused.detail
    assert (await _webhook(store)).state == "delivered"
