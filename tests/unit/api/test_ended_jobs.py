"""What becomes of ended jobs: they are deleted, lose their events, and call webhooks that were checked at the start."""

import base64
from typing import Any

import httpx
import pytest

from services.queues import JobQueues
from services.store.store import Store

from .conftest import calling, serving

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


async def _submit(client: httpx.AsyncClient, job: dict[str, Any]) -> str:
    answer = await client.post("/v1/jobs", json=job)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def test_an_ended_job_is_deleted_once(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    path = await _submit(client, job)
    refused = await client.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "cancel it first" in refused.json()["detail"]
    await client.post(f"{path}/cancel")
    deleted = await client.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    for answer in (await client.get(path), await client.delete(path), await client.get(f"{path}/result")):
        assert answer.status_code == 404
    assert (await client.get("/v1/jobs")).json()["jobs"] == []


async def test_a_report_whose_events_are_gone_says_so(
    client: httpx.AsyncClient, store: Store, job: dict[str, Any]
) -> None:
    path = await _submit(client, job)
    job_id = path.rpartition("/")[2]
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    await store.journal.append(lease, now=1.0, events={1: b"{}"})
    await store.jobs.move(job_id, ["queued"], "cancelled", drops_lease=True)
    await store.disposal.trim(job_id, "events")
    for route in ("report", "candidates"):
        answer = await client.get(f"{path}/{route}")
        assert answer.status_code == 409
        assert (
            f"_EVENTS_DAYS); what it found is still there, with GET {path}/result or `pmpo result {job_id}`"
            in answer.json()["detail"]
        )
    page = (await client.get(f"{path}/events")).json()
    assert (page["events"], page["state"]) == ([], "cancelled")


@pytest.mark.parametrize(
    ("settings", "url", "says"),
    [
        ({}, "https://hooks.example.com/x", "PMPO_WEBHOOK_SECRET is not set"),
        ({"PMPO_WEBHOOK_SECRET": SECRET}, "http://hooks.example.com/x", "https only"),
        ({"PMPO_WEBHOOK_SECRET": SECRET}, "https://127.0.0.1/x", "no public address"),
        ({"PMPO_WEBHOOK_SECRET": SECRET}, "", "webhook"),
        ({"PMPO_WEBHOOK_SECRET": SECRET, "PMPO_WEBHOOK_ALLOW": "127.0.0.0/8"}, "http://127.0.0.1/x", None),
        ({"PMPO_WEBHOOK_SECRET": SECRET}, "https://hooks.example.com/x", None),
    ],
)
async def test_a_webhook_is_checked_before_the_job_is_taken(
    redis_url: str,
    store: Store,
    queues: JobQueues,
    job: dict[str, Any],
    *,
    settings: dict[str, str],
    url: str,
    says: str | None,
) -> None:
    async with serving(redis_url, store, queues, **settings) as app, calling(app) as client:
        answer = await client.post("/v1/jobs", json={**job, "webhook": url})
        if says is None:
            view = (await client.get(answer.headers["location"])).json()
            assert view["webhook"] == {"state": "pending", "attempts": 0, "detail": ""}
            assert await store.webhooks.due(10) == []
            await client.post(f"{answer.headers['location']}/cancel")
            assert await store.webhooks.due(10) == [view["id"]]
        else:
            assert answer.status_code == 422
            assert says in answer.json()["detail"]
