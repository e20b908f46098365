import asyncio
import dataclasses
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pmpo.contracts.jobs import JobFailure, Progress
from pmpo.contracts.modes import RationalesView
from pmpo.errors import StoreUnavailableError
from pmpo.optim.types import Prices
from pmpo.runs.terms import decode_terms
from pmpo.runtime.endpoints import Endpoint
from services.api.jobs.checks import JobChecks
from services.api.jobs.service import JobService
from services.queues import JobQueues
from services.store.records import failure_fields, progress_fields
from services.store.store import Store

from .conftest import WordCounter


async def _create(client: httpx.AsyncClient, job: dict[str, Any]) -> str:
    answer = await client.post("/v1/jobs", json=job)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_job_is_saved_and_queued(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store, queues: JobQueues
) -> None:
    answer = await client.post("/v1/jobs", json={**job, "queue": "overnight"})
    created = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{created['id']}"
    assert (created["state"], created["splits"]["train"]) == ("queued", 10)
    record = await store.jobs.get(created["id"])
    assert record.queue == "overnight"
    assert await queues.waiting() == {record.enqueued_id}
    view = (await client.get(answer.headers["location"])).json()
    assert (view["state"], view["best_prompt"]) == ("queued", job["prompt"])


async def test_a_job_that_could_not_be_queued_is_left_to_the_janitor(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store, queues: JobQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_job_id: str, _queue: str) -> str:
        raise StoreUnavailableError("Redis is away.")

    monkeypatch.setattr(queues, "put", refuse)
    record = await store.jobs.get(await _create(client, job))
    assert (record.state, record.enqueued_id) == ("queued", "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"promt": "x"}, ["'promt'", "'prompt'"]),
        ({"compress": {"epsilom": 3}}, ["'compress.epsilom'", "'compress.epsilon'"]),
        ({"optimizer": {"iteration": 3}}, ["'optimizer.iteration'", "'optimizer.iterations'"]),
        ({"nothing_like_it": 1}, ["'nothing_like_it'", "known keys there are: name"]),
    ],
)
async def test_an_unknown_key_is_answered_with_the_nearest(
    client: httpx.AsyncClient, job: dict[str, Any], change: dict[str, Any], words: list[str]
) -> None:
    answer = await client.post("/v1/jobs", json={**job, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_key")
    for word in words:
        assert word in answer.json()["detail"]


async def test_what_cannot_run_is_refused_and_nothing_is_saved(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store, queues: JobQueues
) -> None:
    changes: list[tuple[dict[str, Any], str]] = [
        ({"prompt": "word " * 601}, "too_long"),
        ({"prompt": "word " * 99}, "too_long"),
        ({"prompt": "Read {{text}}."}, "placeholder_mismatch"),
        ({"budget": {"generated_tokens": 1}}, "budget_too_small"),
        ({"models": {"rewriter": "big"}}, "invalid_input"),
        ({"models": {"target": ["default", "big"]}}, "invalid_input"),
        ({"models": {"target": ["default", "default"]}}, "invalid_input"),
        ({"models": {"target": []}}, "invalid_input"),
        ({"kind": "compress"}, "invalid_input"),
        ({"kind": "rationalize", "metric": None}, "invalid_input"),
        ({"kind": "rationalize", "metric": "option"}, "invalid_data"),
        ({"kind": "rationalize", "budget": {"generated_tokens": 9}}, "budget_too_small"),
        ({"metric": "option"}, "invalid_data"),
        ({"compress": {"epsilon": 0.1}}, "invalid_input"),
        ({"kind": "compress", "prompt": "Be kind. Be quick.", "budget": {"scored_tokens": 9}}, "budget_too_small"),
    ]
    for change, code in changes:
        answer = await client.post("/v1/jobs", json={**job, **change})
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await store.jobs.newest("default", 10) == []
    assert await queues.waiting() == frozenset()


@pytest.mark.parametrize("kind", ["optimize", "evaluate"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("[" * 33 + "]" * 33, "'note' is nested more than 32 deep"),
        ("[" * 400 + "]" * 400, "'note' is nested more than 32 deep"),
        ("1e400", "'note' holds a number that is not finite"),
        ('"\\ud800"', "'note' holds half of a surrogate pair"),
    ],
)
async def test_a_row_that_could_not_be_read_again_is_refused_by_its_key(
    client: httpx.AsyncClient, job: dict[str, Any], kind: str, value: str, says: str
) -> None:
    rows = [*job["dataset"]["train"], {**job["dataset"]["train"][0], "note": "HERE"}]
    body = json.dumps({**job, "kind": kind, "dataset": {"train": rows}}).replace('"HERE"', value)
    for path in ("/v1/jobs", "/v1/jobs/estimate"):
        answer = await client.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422, answer.text
        assert f"dataset.train.{len(rows) - 1}: {says}" in answer.json()["detail"]
    assert (await client.get("/v1/jobs")).json()["jobs"] == []


async def test_an_estimate_saves_nothing_and_needs_no_budget(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    answer = await client.post("/v1/jobs/estimate", json={**job, "budget": {"generated_tokens": 1}})
    found = answer.json()
    assert answer.status_code == 200, answer.text
    assert found["scored_tokens"]["low"] < found["scored_tokens"]["expected"] < found["scored_tokens"]["high"]
    assert (found["money"], found["smallest_budget"]["money"], found["iterations"]) == (None, None, 20)
    assert await store.jobs.newest("default", 10) == []
    enough = {kind: found["smallest_budget"][kind] for kind in ("scored_tokens", "generated_tokens")}
    assert (await client.post("/v1/jobs", json={**job, "budget": enough})).status_code == 201
    short = {**enough, "scored_tokens": enough["scored_tokens"] - 1}
    assert (await client.post("/v1/jobs", json={**job, "budget": short})).json()["code"] == "budget_too_small"
    assert (await client.post("/v1/jobs/estimate", json={**job, "prompt": "word " * 601})).status_code == 422


async def test_several_seed_prompts_are_each_checked(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    rest = {key: value for key, value in job.items() if key != "prompt"}
    changes: list[tuple[list[str], str, str]] = [
        (["Say it.", "word " * 601], "too_long", "prompt 2 of prompts has 601 tokens"),
        (["Say it.", "Say {{input}}."], "placeholder_mismatch", "prompt 2 of prompts has other placeholders"),
    ]
    for prompts, code, words in changes:
        answer = await client.post("/v1/jobs", json={**rest, "prompts": prompts})
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
        assert words in answer.json()["detail"]
    job_id = await _create(client, {**rest, "prompts": ["Say it.", "Say the number."]})
    assert (await client.get(f"/v1/jobs/{job_id}")).json()["best_prompt"] == "Say it."


async def test_a_cap_on_money_needs_prices(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    answer = await client.post("/v1/jobs", json={**job, "budget": {"money": 2.0}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert "budget.money is 2 and the job's models have no prices" in answer.json()["detail"]


async def test_a_wait_ends_with_the_next_change(client: httpx.AsyncClient, job: dict[str, Any], store: Store) -> None:
    job_id = await _create(client, job)
    waiting = asyncio.create_task(client.get(f"/v1/jobs/{job_id}", params={"wait": 60}))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    await store.journal.append(lease, now=1, changes=progress_fields(Progress(iteration=4)))
    assert (await waiting).json()["progress"]["iteration"] == 4


async def test_events_come_in_pages_and_a_wait_ends_with_the_next_one(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    job_id = await _create(client, job)
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    events = {number: b'{"number": %d, "kind": "k", "data": {}}' % number for number in (1, 2, 3)}
    await store.journal.append(lease, now=1, events=events)
    page = (await client.get(f"/v1/jobs/{job_id}/events", params={"after": 1})).json()
    assert [event["number"] for event in page["events"]] == [2, 3]
    assert (page["last"], page["state"]) == (3, "queued")
    waiting = asyncio.create_task(client.get(f"/v1/jobs/{job_id}/events", params={"after": 3, "wait": 60}))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await store.journal.append(lease, now=1, events={4: b'{"number": 4, "kind": "k", "data": {}}'})
    assert [event["number"] for event in (await waiting).json()["events"]] == [4]


async def test_a_wait_for_a_job_that_is_over_does_not_wait(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    job_id = await _create(client, job)
    await store.jobs.move(job_id, ["queued"], "cancelled")
    for path in ("", "/events"):
        answer = await asyncio.wait_for(client.get(f"/v1/jobs/{job_id}{path}", params={"wait": 60}), 30)
        assert answer.json()["state"] == "cancelled"


async def test_cancelling(client: httpx.AsyncClient, job: dict[str, Any], store: Store) -> None:
    waits, orphan = await _create(client, job), await _create(client, job)
    await store.jobs.move(orphan, ["queued"], "running")
    for job_id in (waits, orphan):
        answer = await client.post(f"/v1/jobs/{job_id}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    refused = await client.post(f"/v1/jobs/{waits}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await client.post("/v1/jobs/nope/cancel")).status_code == 404


async def test_no_result_says_why(client: httpx.AsyncClient, job: dict[str, Any], store: Store) -> None:
    job_id = await _create(client, job)
    waiting = await client.get(f"/v1/jobs/{job_id}/result")
    assert f"wait for it with GET /v1/jobs/{job_id}?wait=30 or `pmpo watch {job_id}`" in waiting.json()["detail"]
    failure = JobFailure(code="engine_failed", message="It broke.")
    await store.jobs.move(job_id, ["queued"], "failed", changes=dict(failure_fields(failure)))
    failed = await client.get(f"/v1/jobs/{job_id}/result")
    assert (failed.status_code, failed.json()["code"]) == (409, "conflict")
    assert "It broke." in failed.json()["detail"]


async def test_readiness_names_what_is_not_there(app: FastAPI, client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready", "checked": ["redis", "scorer default"]}

    class Away:
        async def ping(self) -> None:
            raise StoreUnavailableError("Redis is away.")

    app.state.collaborators.health._store = Away()
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    assert answer.json()["detail"] == "not ready: redis: Redis is away."
    assert (await client.get("/healthz")).status_code == 200


async def test_a_rationalize_job_takes_every_row_and_answers_with_a_data_set(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    created = await client.post("/v1/jobs", json={**job, "kind": "rationalize"})
    assert created.json()["splits"] == {"train": 20, "validation": 0, "test": 0, "unused": 0}
    job_id = created.json()["id"]
    body = {"job_id": job_id, "name": "n", "stop_reason": "all_tried", "rows": [{"input": "a"}], "row_numbers": [3]}
    found = RationalesView.model_validate({**body, "without": [], "samples": 4, "generated_tokens": 9, "seconds": 1.0})
    changes = {"result": found.model_dump_json().encode()}
    await store.jobs.move(job_id, ["queued"], "running")
    await store.jobs.move(job_id, ["running"], "succeeded", changes=changes)  # type: ignore[arg-type]
    assert (await client.get(f"/v1/jobs/{job_id}/result")).json() == found.model_dump(mode="json")


async def test_the_endpoint_table_of_the_hour_is_stored_with_the_job(
    client: httpx.AsyncClient, app: FastAPI, job: dict[str, Any], store: Store, queues: JobQueues
) -> None:
    row = {"name": "default", "url": "http://scorer:8100", "prices": {"scored": 0.5, "generated": 2.0}}
    table = {"default": Endpoint.model_validate({**row, "chat_template_kwargs": {"enable_thinking": True, "level": 2}})}
    counted_with: list[dict[str, Any]] = []

    def connect(_row: Endpoint, arguments: dict[str, Any]) -> WordCounter:
        counted_with.append(arguments)
        return WordCounter()

    service = JobService(store, queues, JobChecks(table, connect))
    app.state.collaborators = dataclasses.replace(app.state.collaborators, jobs=service)
    job_id = await _create(client, {**job, "chat_template_kwargs": {"enable_thinking": False}})
    terms = decode_terms(await store.jobs.terms(job_id))
    assert terms.prices == Prices(scored=0.5, rewriting=2.0, answering=2.0)
    assert terms.target_arguments == {"default": {"enable_thinking": False, "level": 2}}
    assert terms.rewriter_arguments == {"enable_thinking": True, "level": 2}
    assert counted_with == [{"enable_thinking": False, "level": 2}]


@pytest.mark.parametrize("path", ["events", "candidates"])
async def test_a_number_that_no_event_has_is_refused(client: httpx.AsyncClient, job: dict[str, Any], path: str) -> None:
    job_id = await _create(client, job)
    answer = await client.get(f"/v1/jobs/{job_id}/{path}", params={"after": 10**23})
    assert (answer.status_code, "after: " in answer.json()["detail"]) == (422, True)
