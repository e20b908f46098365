"""Every route of the application as its own description lists it, and something for each that takes a name in its path.

A new route is found by itself. One with a parameter in its path needs a maker in ``MAKERS``, by the start of its path.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.settings import load_settings
from services.api.app import create_app

ROWS = [{"input": f"number {number}", "target": str(number)} for number in range(20)]
JOB = {"name": "numbers", "prompt": "Say the number.", "dataset": {"train": ROWS}}


@dataclass(frozen=True)
class Route:
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


async def make_job(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.post("/v1/jobs", json=JOB)
    assert answer.status_code == 201, answer.text
    return {"job_id": str(answer.json()["id"])}


async def make_key(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.post("/v1/keys", json={"name": "another"})
    assert answer.status_code == 201, answer.text
    return {"key_id": str(answer.json()["id"])}


async def make_dataset(client: httpx.AsyncClient) -> dict[str, str]:
    body = "\n".join(json.dumps(row) for row in ROWS)
    answer = await client.post("/v1/datasets", content=body, headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 201, answer.text
    return {"dataset_id": str(answer.json()["id"])}


async def make_prompt(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.post("/v1/prompts/say-the-number/versions", json={"prompt": "Say the number."})
    assert answer.status_code in (200, 201), answer.text
    return {"name": "say-the-number"}


async def make_schedule(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.post("/v1/schedules", json={"cron": "@daily", "job": JOB})
    assert answer.status_code == 201, answer.text
    return {"schedule_id": str(answer.json()["id"])}


Maker = Callable[[httpx.AsyncClient], Awaitable[dict[str, str]]]
MAKERS: Mapping[str, Maker] = {
    "/v1/jobs/": make_job,
    "/v1/keys/": make_key,
    "/v1/datasets/": make_dataset,
    "/v1/prompts/": make_prompt,
    "/v1/schedules/": make_schedule,
}
"""By the start of the path: makes a thing in the client's project; the parameters of paths that name it."""
BODIES: Mapping[tuple[str, str], Any] = {
    ("POST", "/v1/prompts/{name}/versions"): {"prompt": "Say the number, in digits."},
    ("POST", "/v1/prompts/{name}/promote"): {"label": "production", "version": 1},
    ("POST", "/v1/prompts/{name}/rollback"): {"label": "production"},
}
"""What a route with a parameter in its path must be sent, by method and path."""
CREATING: frozenset[tuple[str, str]] = frozenset({("POST", "/v1/prompts/{name}/versions")})
"""Routes that make what their path names when it is not there: another project's name is free for them."""
LOOKING: frozenset[tuple[str, str]] = frozenset(
    {("POST", "/v1/jobs/estimate"), ("POST", "/v1/score"), ("POST", "/v1/analyze")}
)
"""Routes that need the scope ``read`` alone although they are no GET."""


def described() -> dict[str, Any]:
    """The application's own description."""
    settings = load_settings({"PMPO_REDIS_URL": "redis://127.0.0.1:1/0"})
    return create_app(settings, {"default": Endpoint(name="default", url="http://scorer:8100")}).openapi()


def all_routes() -> list[Route]:
    """What the application's description lists."""
    paths = described()["paths"]
    return [Route(method.upper(), path) for path, methods in paths.items() for method in methods]


def named_routes() -> list[Route]:
    """Those with a parameter in their path."""
    return [route for route in all_routes() if route.parameters]


def maker_of(route: Route) -> Maker:
    """What makes a thing that the route's path names."""
    for start, maker in MAKERS.items():
        if route.path.startswith(start):
            return maker
    raise AssertionError(f"{route}: add a maker for it to MAKERS in {__file__}")
