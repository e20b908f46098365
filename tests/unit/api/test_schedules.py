"""The routes of schedules over a real Redis."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.schedules import ScheduleOutcome
from services.store import keys
from services.store.store import Store

TOLD = ScheduleOutcome(decision="skipped", due_at=0.0, at=0.0, detail="")


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
    assert (await client.delete(f"/v1/schedules/{first['id']}")).status_code == 200
    gone = await client.get(f"/v1/schedules/{first['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert (await client.delete(f"/v1/schedules/{first['id']}")).status_code == 404


async def test_a_schedule_whose_job_this_version_cannot_read_is_deleted_all_the_same(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    rows = "".join(json.dumps(row) + "\n" for row in job["dataset"]["train"])
    pushed = await client.post("/v1/datasets", content=rows, params={"name": "rows"})
    old = await created(client, {**job, "dataset": {"train": pushed.json()["id"]}})
    raw = store.schedules._redis
    await raw.hset(keys.schedule(old["id"]), "spec", b'{"from": "another version"}')  # type: ignore[misc]
    assert (await client.delete(f"/v1/schedules/{old['id']}")).status_code == 200
    assert (await client.delete(f"/v1/datasets/{pushed.json()['id']}")).status_code == 204, "nobody needs it any more"


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


@pytest.mark.parametrize(("cron", "is_told"), [("0 12 * * *", True), ("0 23 * * *", False), ("0 */2 * * *", False)])
async def test_a_window_in_which_no_time_lies_is_told(
    client: httpx.AsyncClient, job: dict[str, Any], cron: str, is_told: bool
) -> None:
    schedule = await created(client, job, cron=cron, window="22:00-06:00")
    assert any("lies in its window" in warning for warning in schedule["warnings"]) == is_told


async def test_a_job_that_cannot_run_is_refused_when_it_is_scheduled(
    client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    wrong = {**job, "prompt": "Say {{nothing}}."}
    answer = await client.post("/v1/schedules", json={"cron": "@daily", "job": wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "placeholder_mismatch")
    misspelt = await client.post("/v1/schedules", json={"cron": "@daily", "job": {**job, "promt": "x"}})
    assert "unknown key 'job.promt', did you mean 'job.prompt'?" in misspelt.json()["detail"]


async def test_numbers_that_json_does_not_have_are_refused(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    body = json.dumps({"cron": "@daily", "job": {**job, "optimizer": {"min_delta": 0.5}}}).replace("0.5", "1e400")
    answer = await client.post("/v1/schedules", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert "job.optimizer.min_delta: Input should be a finite number" in answer.json()["detail"]


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


@pytest.mark.parametrize("is_resumed_before", [False, True])
async def test_deleting_names_the_job_that_its_window_keeps_paused_and_leaves_it_so(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store, is_resumed_before: bool
) -> None:
    schedule = await created(client, job, window="22:00-06:00")
    record = await store.schedules.get(schedule["id"])
    submitted = (await client.post("/v1/jobs", json=job)).json()["id"]
    await client.post(f"/v1/jobs/{submitted}/pause")
    await store.schedules.hold_job(record, submitted)
    if is_resumed_before:
        await client.post(f"/v1/jobs/{submitted}/resume")
    answer = await client.delete(f"/v1/schedules/{schedule['id']}")
    expected = None if is_resumed_before else submitted
    assert (answer.status_code, answer.json()) == (200, {"id": schedule["id"], "held_job_id": expected})
    assert await store.jobs.state(submitted) == ("queued" if is_resumed_before else "paused")
    assert (await client.post(f"/v1/jobs/{submitted}/resume")).status_code == 202
    assert await store.jobs.state(submitted) == "queued"


async def come_due(store: Store, schedule_id: str, ago_s: float) -> None:
    """Let its next time have been so long ago, and nobody look at it since."""
    record = await store.schedules.get(schedule_id)
    moment = int(time.time() - ago_s)
    assert await store.schedules.pass_over(record, moment, TOLD, "num_skipped", 0)


async def test_a_pause_is_kept_and_changes_nothing_but_itself(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    made = await created(client, job)
    path = f"/v1/schedules/{made['id']}"
    paused = (await client.post(f"{path}/pause")).json()
    assert paused["paused_at"] == pytest.approx(time.time(), abs=30)
    assert {**paused, "paused_at": None} == made
    assert (await client.post(f"{path}/pause")).json() == paused == (await client.get(path)).json()
    assert (await client.get("/v1/schedules")).json()["schedules"] == [paused]
    assert await store.schedules.due(made["next_at"] + 1) == []
    for _ in range(2):  # to resume what is not paused changes nothing
        assert (await client.post(f"{path}/resume")).json() == made
    assert [record.id for record in await store.schedules.due(made["next_at"])] == [made["id"]]
    await client.delete(path)
    for verb in ("pause", "resume"):
        assert (await client.post(f"{path}/{verb}")).status_code == 404


async def test_what_came_during_a_pause_is_missed(client: httpx.AsyncClient, job: dict[str, Any], store: Store) -> None:
    made = await created(client, job, cron="* * * * *")
    await come_due(store, made["id"], 150)
    await client.post(f"/v1/schedules/{made['id']}/pause")
    found = (await client.post(f"/v1/schedules/{made['id']}/resume")).json()
    assert 3 <= found["num_missed"] <= 4
    assert (found["last_outcome"]["decision"], found["num_skipped"]) == ("missed", 0)
    assert f"paused when it came; missed in a row: {found['num_missed']}" in found["last_outcome"]["detail"]
    assert time.time() < found["next_at"] <= time.time() + 61
    again = (await client.post(f"/v1/schedules/{made['id']}/resume")).json()
    assert again["num_missed"] == found["num_missed"]


async def test_with_once_what_came_during_a_pause_is_due_at_once(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    made = await created(client, job, catch_up="once")
    await come_due(store, made["id"], 86_400)
    await client.post(f"/v1/schedules/{made['id']}/pause")
    assert await store.schedules.due(time.time()) == []
    found = (await client.post(f"/v1/schedules/{made['id']}/resume")).json()
    assert (found["num_missed"], found["paused_at"]) == (0, None)
    assert [record.id for record in await store.schedules.due(time.time())] == [made["id"]]


async def test_a_time_that_waited_for_the_last_job_waits_on_after_a_pause(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    made = await created(client, job, overlap="queue")
    await come_due(store, made["id"], 60)
    record = await store.schedules.get(made["id"])
    await store.schedules.put_off(record, record.view.next_at, TOLD, waits=True)
    await client.post(f"/v1/schedules/{made['id']}/pause")
    found = (await client.post(f"/v1/schedules/{made['id']}/resume")).json()
    assert (found["num_missed"], found["next_at"]) == (0, record.view.next_at)
    assert (await store.schedules.get(made["id"])).waits
