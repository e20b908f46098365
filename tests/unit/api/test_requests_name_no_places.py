"""No request names a file of the server's or a server to call: models by endpoint name, data by its rows or its id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .routes import described

PLACE = re.compile(r"(^|_)(path|file|folder|dir|directory|url|uri|host|address|server)s?($|_)", re.IGNORECASE)
GUARDED = frozenset({"webhook"})
"""Addresses that a request may name: these go through a sender of their own, which asks the operator's list."""


def request_fields() -> Iterator[tuple[str, str]]:
    """(shape, field) of all that can be sent, parameters included."""
    schemas = described()["components"]["schemas"]
    waiting: list[Any] = []
    for path, methods in described()["paths"].items():
        for operation in methods.values():
            waiting.append(operation.get("requestBody", {}))
            yield from ((path, parameter["name"]) for parameter in operation.get("parameters", []))
    seen = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in seen:
                seen.add(name)
                waiting.append(schemas[name])
                yield from ((name, field) for field in schemas[name].get("properties", {}))


def test_no_field_of_a_request_is_a_place() -> None:
    found = sorted({(shape, field) for shape, field in request_fields() if PLACE.search(field)})
    assert [each for each in found if each[1] not in GUARDED] == []
    assert ("JobSpec", "prompt") in set(request_fields())


@pytest.mark.parametrize(
    "change",
    [
        {"models": {"target": "http://169.254.169.254/latest"}},
        {"models": {"rewriter": "/etc/passwd"}},
        {"dataset": {"train": "/etc/passwd"}},
        {"dataset": {"train": "file:///etc/passwd"}},
        {"prompt_file": "/etc/passwd"},
        {"optimizer": {"meta_prompt_file": "/etc/passwd"}},
    ],
)
async def test_a_job_that_names_one_is_refused(
    client: httpx.AsyncClient, job: dict[str, Any], change: dict[str, Any]
) -> None:
    answer = await client.post("/v1/jobs", json={**job, **change})
    assert answer.status_code in (404, 422), answer.text
    assert "root:" not in answer.text
