from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from pmpo.contracts.keys import SCOPES, Scope
from pmpo.errors import TooLongError
from pmpo.optim.types import Example
from pmpo.remote.answers import ServedModel
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.settings import load_settings
from pmpo.testing.ports import IDENTITY
from services.api.app import create_app, webhook_rules
from services.api.health import Health
from services.api.jobs.checks import JobChecks
from services.api.jobs.reports import ReportService
from services.api.jobs.service import JobService
from services.api.models.service import ModelService
from services.api.schedules.service import ScheduleService
from services.queues import JobQueues
from services.store.admission import JobLimits
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

    async def ask_model(self) -> ServedModel:
        return ServedModel(IDENTITY, is_deterministic=True)


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


@asynccontextmanager
async def serving(redis_url: str, store: Store, queues: JobQueues, **settings: str) -> AsyncIterator[FastAPI]:
    """The real application on a real Redis, with a scorer that counts words."""
    table = {"default": Endpoint(name="default", url="http://scorer:8100")}
    known = load_settings({"PMPO_REDIS_URL": redis_url, **settings})
    made = create_app(known, table)
    counter = WordCounter()
    checks = JobChecks(table, lambda _row, _arguments: counter, webhook_rules(known))
    service = JobService(store, queues, checks, JobLimits.of(known))
    async with made.router.lifespan_context(made):
        health = Health(store, {"default": counter})
        models = ModelService(table, lambda _row: counter)
        schedules = ScheduleService(store, service)
        made.state.collaborators = replace(
            made.state.collaborators,
            jobs=service,
            health=health,
            reports=ReportService(store),
            models=models,
            schedules=schedules,
        )
        yield made


@pytest.fixture
async def app(redis_url: str, store: Store, queues: JobQueues) -> AsyncIterator[FastAPI]:
    """As it is on loopback: without keys."""
    async with serving(redis_url, store, queues) as made:
        yield made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(app) as opened:
        yield opened


def calling(app: FastAPI, key: str | None = None) -> httpx.AsyncClient:
    """A client of the application, with a key if there is one."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)


@pytest.fixture
async def guarded(redis_url: str, store: Store, queues: JobQueues) -> AsyncIterator[FastAPI]:
    """As it is where others can call: with keys."""
    async with serving(redis_url, store, queues, PMPO_API_KEYS="required") as made:
        yield made


Clients = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def as_caller(guarded: FastAPI, store: Store) -> AsyncIterator[Clients]:
    """``await as_caller("web", "read")``: a client of the guarded application with a new key of that project.

    Without scopes the key has all.
    """
    async with AsyncExitStack() as closing:

        async def open_client(project: str, *scopes: Scope) -> httpx.AsyncClient:
            _, key = await store.api_keys.create(project, "test", scopes or SCOPES)
            return await closing.enter_async_context(calling(guarded, key))

        yield open_client


@pytest.fixture
def job() -> dict[str, Any]:
    rows = [{"input": f"number {number}", "target": str(number)} for number in range(20)]
    return {"name": "numbers", "prompt": "Say the number.", "dataset": {"train": rows}}
