import asyncio
from typing import Any

import httpx
import pytest

from services.queues import JobQueues
from services.store import keys
from services.store.connection import connect
from services.store.store import Store


async def _post(client: httpx.AsyncClient, job: dict[str, Any], key: str) -> httpx.Response:
    return await client.post("/v1/jobs", json=job, headers={"idempotency-key": key})


async def test_the_same_request_gets_the_same_answer_and_makes_one_job(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store, queues: JobQueues
) -> None:
    first = await _post(client, job, "once")
    again = await _post(client, job, "once")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await store.jobs.newest("default", 10)) == 1
    assert len(await queues.waiting()) == 1


async def test_many_at_once_make_one_job(client: httpx.AsyncClient, job: dict[str, Any], store: Store) -> None:
    answers = await asyncio.gather(*(_post(client, job, "once") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await store.jobs.newest("default", 10)) == 1


async def test_another_body_under_a_used_key_is_refused(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    await _post(client, job, "once")
    refused = await _post(client, {**job, "seed": 9}, "once")
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert "'once'" in refused.json()["detail"]
    assert len(await store.jobs.newest("default", 10)) == 1


async def test_other_keys_and_no_key_make_new_jobs(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    answers = [await _post(client, job, key) for key in ("a", "b")]
    answers += [await client.post("/v1/jobs", json=job) for _ in range(2)]
    assert len({answer.json()["id"] for answer in answers}) == 4


async def test_a_refused_request_leaves_its_key_free(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    assert (await _post(client, {**job, "prompt": "word " * 601}, "once")).status_code == 422
    assert (await _post(client, job, "once")).status_code == 201


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "\u00fc"])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, job: dict[str, Any], key: str) -> None:
    refused = await client.post("/v1/jobs", json=job, headers=[(b"idempotency-key", key.encode())])
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert "Idempotency-Key must be" in refused.json()["detail"]


async def test_an_answer_is_kept_for_a_day(client: httpx.AsyncClient, job: dict[str, Any], redis_url: str) -> None:
    await _post(client, job, "once")
    redis = connect(redis_url)
    (name,) = await redis.keys(keys.idempotency("*"))
    assert 86_300 < await redis.ttl(name) <= 86_400
    await redis.aclose()
