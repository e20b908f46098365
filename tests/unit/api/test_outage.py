"""The API while Redis is away, and after it came back: nothing of the API is restarted."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.settings import load_settings
from services.api.app import create_app
from services.api.health import Health
from services.api.jobs.checks import JobChecks
from services.api.jobs.reports import ReportService
from services.api.jobs.service import JobService
from services.queues import JobQueues
from services.store.store import Store
from tests.unit.private_redis import PrivateRedis

from .conftest import WordCounter


@pytest.mark.parametrize("is_started_late", [False, True])
async def test_an_outage_is_a_retryable_503_and_passes(
    tmp_path: Path, job: dict[str, Any], is_started_late: bool
) -> None:
    redis = PrivateRedis(tmp_path)
    table = {"default": Endpoint(name="default", url="http://scorer:8100")}
    app = create_app(load_settings({"PMPO_REDIS_URL": redis.url}), table)
    store, queues = Store.open(redis.url, 60.0), JobQueues.open(redis.url, 60.0)
    service = JobService(store, queues, JobChecks(table, lambda _row, _arguments: WordCounter()))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        made = app.state.collaborators
        app.state.collaborators = replace(made, jobs=service, health=Health(store, {}), reports=ReportService(store))
        path = "/v1/jobs/unknown"
        if not is_started_late:
            await asyncio.to_thread(redis.start)
            path = (await client.post("/v1/jobs", json=job)).headers["location"]
            redis.kill()
        requests = [("GET", path), ("GET", "/v1/jobs"), ("GET", "/readyz"), ("POST", f"{path}/cancel")]
        for method, asked in requests:
            answer = await client.request(method, asked)
            assert (answer.status_code, answer.json()["retryable"]) == (503, True), asked
        text = (await client.get("/metrics")).text
        assert "\npmpo_api_redis_up 0.0\n" in text and "\npmpo_api_jobs_waiting NaN\n" in text
        refused = await client.post("/v1/jobs", json=job, headers={"idempotency-key": "once"})
        assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
        assert refused.headers["retry-after"] == "1"
        await asyncio.to_thread(redis.start)
        again = await client.post("/v1/jobs", json=job, headers={"idempotency-key": "once"})
        assert again.status_code == 201
        assert (await client.get(path)).status_code == (404 if is_started_late else 200)
    await store.close()
    queues.close()
    redis.kill()
