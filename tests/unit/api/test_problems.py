import gzip
import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.api.middleware import MAX_BODY_BYTES


async def test_a_defect_is_a_problem_without_its_details(
    app: FastAPI, client: httpx.AsyncClient, logs: list[MutableMapping[str, Any]]
) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("a secret")

    answer = await client.get("/broken", headers={"x-request-id": "r-1"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["request_id"]) == ("error", "r-1")
    assert "secret" not in answer.text
    assert [entry["request_id"] for entry in logs if entry["event"] == "defect"] == ["r-1"]


@pytest.mark.parametrize("given", ["has space", "x" * 129, "line\tbreak"])
async def test_an_unusable_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/healthz", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] not in ("", given)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_above_the_limit_is_refused_announced_or_not(client: httpx.AsyncClient, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * (1024 * 1024)

    content = b" " * (MAX_BODY_BYTES + 1) if announced else pieces()
    answer = await client.post("/v1/jobs", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_values_that_are_wrong_are_named(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    created = await client.post("/v1/jobs", json=job)
    answer = await client.get(created.headers["location"], params={"wait": 61})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert "wait" in answer.json()["detail"]


async def test_a_body_without_the_json_header_is_told_to_send_it(
    client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await client.post("/v1/jobs", content=json.dumps(job), headers={"content-type": content_type})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
        assert "send the job as JSON with the header content-type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize("content", [b"\x81\x9f\xf3\x02", gzip.compress(b'{"name": "x"}'), b"[" * 100_000])
async def test_a_body_that_cannot_be_read_says_what_to_send(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/v1/jobs", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert "POST /v1/jobs cannot be read; send the job as JSON in UTF-8, not compressed" in answer.json()["detail"]


async def test_up_to_three_wrong_fields_are_named(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    answer = await client.post("/v1/jobs", json={})
    assert answer.json()["detail"] == "prompt: Field required; dataset: Field required"
    wrong = {"iterations": -1, "hard_examples": 0, "variants": 0, "patience": 0}
    answer = await client.post("/v1/jobs", json={**job, "optimizer": wrong})
    *named, rest = answer.json()["detail"].split("; ")
    assert [part.partition(":")[0].startswith("optimizer.") for part in named] == [True] * 3
    assert rest.startswith("and ")
