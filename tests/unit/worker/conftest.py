from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from pmpo.contracts.jobs import SplitSizes
from services.queues import JobQueues
from services.store.connection import connect
from services.store.records import NewJob
from services.store.store import Store

LEASE_S = 60.0


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged, kept off the terminal."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    opened = Store.open(redis_url, LEASE_S)
    yield opened
    await opened.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def queues(redis_url: str) -> Iterator[JobQueues]:
    opened = JobQueues.open(redis_url, LEASE_S)
    yield opened
    opened.close()


def new_job(job_id: str) -> NewJob:
    sizes = SplitSizes(train=5, validation=2, test=3)
    return NewJob(job_id, "cities", "optimize", "overnight", b"{}", b"{}", b"{}", sizes, (), "Do it.")


@pytest.fixture
async def job_id(store: Store) -> str:
    """A job that was saved and not queued."""
    await store.jobs.create(new_job("j1"))
    return "j1"
