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


async def test_values_that_are_wrong_are_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/jobs/x", params={"wait": 61})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert "wait" in answer.json()["detail"]
