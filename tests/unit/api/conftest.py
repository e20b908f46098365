from collections.abc import AsyncIterator, Iterator, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from pmpo.errors import TooLongError
from pmpo.optim.types import Example
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.settings import load_settings
from services.api.app import create_app
from services.api.health import Health
from services.api.jobs.checks import JobChecks
from services.api.jobs.reports import ReportService
from services.api.jobs.service import JobService
from services.queues import JobQueues
from services.store.store import Store

CONTEXT_TOKENS = 100


class WordCounter:
    """A scorer's counting side whose tokens are words."""

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        counts = [[len(f"{prompt} {row.input} {row.target}".split()) for row in examples] for prompt in prompts]
        if max(max(row) for row in counts) > CONTEXT_TOKENS:
            raise TooLongError("too long")
        return counts

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def ask(self) -> None:
        """As a probe: always there."""


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    opened = Store.open(redis_url, 60.0)
    yield opened
    await opened.close()


@pytest.fixture
def queues(redis_url: str) -> Iterator[JobQueues]:
    opened = JobQueues.open(redis_url, 60.0)
    yield opened
    opened.close()


@pytest.fixture
async def app(redis_url: str, store: Store, queues: JobQueues) -> AsyncIterator[FastAPI]:
    """The real application on a real Redis, with a scorer that counts words."""
    table = {"default": Endpoint(name="default", url="http://scorer:8100")}
    made = create_app(load_settings({"PMPO_REDIS_URL": redis_url}), table)
    counter = WordCounter()
    service = JobService(store, queues, JobChecks(table, lambda _row, _arguments: counter))
    async with made.router.lifespan_context(made):
        health = Health(store, {"default": counter})
        made.state.collaborators = replace(
            made.state.collaborators, jobs=service, health=health, reports=ReportService(store)
        )
        yield made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as opened:
        yield opened


@pytest.fixture
def job() -> dict[str, Any]:
    rows = [{"input": f"number {number}", "target": str(number)} for number in range(20)]
    return {"name": "numbers", "prompt": "Say the number.", "dataset": {"train": rows}}
