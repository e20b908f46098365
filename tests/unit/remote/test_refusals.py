"""What a service raises is what its caller catches: the same class, message, time to wait and leave to try again."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from pmpo.errors import ScorerUnavailableError, error_classes
from pmpo.remote.refusals import error_of
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.settings import load_settings
from services.api.app import create_app as create_api
from services.scorer.app import create_app as create_scorer
from services.scorer.startup import ServiceSlot


def _api() -> FastAPI:
    table = {"default": Endpoint(name="default", url="http://scorer:8100")}
    return create_api(load_settings({"PMPO_REDIS_URL": "redis://127.0.0.1:9/0"}), table)


@pytest.mark.parametrize("service", ["api", "scorer"])
async def test_every_class_comes_through_both_services(service: str) -> None:
    app = _api() if service == "api" else create_scorer(ServiceSlot())

    @app.get("/raise/{code}")
    async def raise_it(code: str) -> None:
        raise error_classes()[code]("what was wrong, where, and what to do", retry_after_s=2.5)

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for code, raised in error_classes().items():
            answer = await client.get(f"/raise/{code}")
            caught = error_of(answer, "the server", "/raise", ScorerUnavailableError)
            assert type(caught) is raised
            assert (answer.status_code, answer.json()["retryable"]) == (raised.status, raised.retryable)
            assert (caught.retryable, caught.retry_after_s) == (raised.retryable, 2.5)
            assert caught.message == "what was wrong, where, and what to do"
            assert answer.headers["retry-after"] == "3"
