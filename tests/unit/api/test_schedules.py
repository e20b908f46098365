"""The routes of schedules over a real Redis."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from pmpo.contracts.jobs import JobSpec
from services.store.store import Store


async def created(client: httpx.AsyncClient, job: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"cron": "0 22 * * 1-5", "timezone": "Europe/Berlin", "job": job, **more}
    answer = await client.post("/v1/schedules", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/schedules/{answer.json()['id']}"
    return dict(answer.json())


async def test_a_schedule_is_created_shown_listed_and_deleted(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    first = await created(client, job, window=" 22:00-06:00 ", overlap="queue", catch_up="once")
    second = await created(client, job, name="weekly", cron="@weekly")
    assert (first["name"], first["window"], first["queue"]) == ("numbers", "22:00-06:00", "overnight")
    assert first["next_at"] > time.time()
    assert (first["last_job_id"], first["num_runs"]) == (None, 0)
    assert (await client.get(f"/v1/schedules/{first['id']}")).json() == first
    listed = (await client.get("/v1/schedules")).json()["schedules"]
    assert [each["id"] for each in listed] == [second["id"], first["id"]]
    assert (await client.get("/v1/jobs")).json()["jobs"] == []
    assert (await client.delete(f"/v1/schedules/{first['id']}")).status_code == 204
    gone = await client.get(f"/v1/schedules/{first['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert (await client.delete(f"/v1/schedules/{first['id']}")).status_code == 404


async def test_a_queue_that_is_named_is_kept(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    assert (await created(client, {**job, "queue": "interactive"}))["queue"] == "interactive"


async def test_a_request_that_is_sent_twice_makes_one_schedule(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    body = {"cron": "@daily", "job": job}
    answers = [await client.post("/v1/schedules", json=body, headers={"idempotency-key": "one"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert "idempotent-replayed" in answers[1].headers
    assert len((await client.get("/v1/schedules")).json()["schedules"]) == 1
    other = await client.post("/v1/schedules", json={**body, "cron": "@hourly"}, headers={"idempotency-key": "one"})
    assert other.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cron": "0 0 31 2 *"}, "cron: '0 0 31 2 *' never fires: no date fits it"),
        ({"cron": "soon"}, "cron: 'soon' has not five fields"),
        ({"timezone": "Europe/Berln"}, "did you mean 'Europe/Berlin'?"),
        ({"window": "22-6"}, "window: '22-6' is no window of the day"),
        ({"overlap": "wait"}, "overlap"),
        ({"cronn": "x"}, "unknown key 'cronn', did you mean 'cron'?"),
    ],
)
async def test_what_cannot_be_scheduled_is_refused(
    client: httpx.AsyncClient, job: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    answer = await client.post("/v1/schedules", json={"cron": "@daily", "job": job, **changes})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert (await client.get("/v1/schedules")).json()["schedules"] == []


async def test_a_job_that_cannot_run_is_refused_when_it_is_scheduled(
    client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    wrong = {**job, "prompt": "Say {{nothing}}."}
    answer = await client.post("/v1/schedules", json={"cron": "@daily", "job": wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "placeholder_mismatch")
    misspelt = await client.post("/v1/schedules", json={"cron": "@daily", "job": {**job, "promt": "x"}})
    assert "unknown key 'job.promt', did you mean 'job.prompt'?" in misspelt.json()["detail"]


async def test_a_stored_data_set_is_held_until_the_schedule_goes(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    lines = "\n".join(json.dumps(row) for row in job["dataset"]["train"])
    stored = await client.post("/v1/datasets", content=lines, headers={"content-type": "application/x-ndjson"})
    dataset_id = stored.json()["id"]
    schedule = await created(client, {**job, "dataset": dataset_id})
    template = await store.schedules.template(schedule["id"])
    assert JobSpec.model_validate_json(template.spec).dataset.ids == {"train": dataset_id}
    refused = await client.delete(f"/v1/datasets/{dataset_id}")
    assert (refused.status_code, schedule["id"] in refused.json()["detail"]) == (409, True)
    await client.delete(f"/v1/schedules/{schedule['id']}")
    assert (await client.delete(f"/v1/datasets/{dataset_id}")).status_code == 204


async def test_deleting_lets_a_job_go_on_that_its_window_held(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    schedule = await created(client, job, window="22:00-06:00")
    record = await store.schedules.get(schedule["id"])
    submitted = (await client.post("/v1/jobs", json=job)).json()["id"]
    await client.post(f"/v1/jobs/{submitted}/pause")
    await store.schedules.hold_job(record, submitted)
    await client.delete(f"/v1/schedules/{schedule['id']}")
    assert await store.jobs.state(submitted) == "queued"
