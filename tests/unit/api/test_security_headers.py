"""What answers tell a browser, whatever became of the request."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from services.api.security_headers import HEADERS

from .conftest import calling
from .routes import Route, all_routes


def assert_marked(answer: httpx.Response) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "http:" not in policy and "https:" not in policy and "unsafe" not in policy and "*" not in policy
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("route", all_routes(), ids=str)
async def test_every_route_is_marked(client: httpx.AsyncClient, route: Route) -> None:
    answer = await client.request(route.method, route.path.format(**dict.fromkeys(route.parameters, "any")))
    assert_marked(answer)


async def test_what_is_refused_early_is_marked(client: httpx.AsyncClient, guarded: FastAPI) -> None:
    too_large = {"content-length": str(2**40), "content-type": "application/json"}
    assert_marked(await client.post("/v1/jobs", content=b"{}", headers=too_large))
    assert_marked(await client.get("/v1/jobs", headers={"host": "evil.example"}))
    assert_marked(await client.get("/nothing"))
    assert_marked(await client.options("/v1/jobs", headers={"origin": "https://evil.example"}))
    async with calling(guarded) as stranger:
        assert_marked(await stranger.get("/v1/jobs"))


async def test_a_defect_is_marked_and_told_without_details(app: FastAPI, client: httpx.AsyncClient) -> None:
    async def fail() -> None:
        raise RuntimeError("inner secret")

    app.add_api_route("/v1/fail", fail)
    answer = await client.get("/v1/fail")
    assert answer.status_code == 500 and "inner secret" not in answer.text
    assert_marked(answer)


async def test_a_page_may_say_what_it_needs(app: FastAPI, client: httpx.AsyncClient) -> None:
    own: dict[str, Any] = {"content-security-policy": "default-src 'self'", "cache-control": "max-age=60"}

    async def page() -> HTMLResponse:
        return HTMLResponse("<p>", headers=own)

    app.add_api_route("/page", page)
    answer = await client.get("/page")
    assert {name: answer.headers[name] for name in own} == own
    assert answer.headers["referrer-policy"] == HEADERS["referrer-policy"]


async def test_the_docs_page_loads_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert answer.status_code == 200
    assert_marked(answer)
    assert "/v1/jobs/{job_id}/cancel" in answer.text and "JobSpec" in answer.text
    for word in ("<script", "src=", "http://", "https://", "@import", "url("):
        assert word not in answer.text, word
    for path in ("/redoc", "/docs/oauth2-redirect"):
        assert (await client.get(path)).status_code == 404
