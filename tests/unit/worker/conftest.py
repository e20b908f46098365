from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from pmpo.contracts.jobs import SplitSizes
from services.queues import JobQueues
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
def queues(redis_url: str) -> Iterator[JobQueues]:
    opened = JobQueues.open(redis_url, LEASE_S)
    yield opened
    opened.close()


@pytest.fixture
async def job_id(store: Store) -> str:
    """A job that was saved and not queued."""
    sizes = SplitSizes(train=5, validation=2, test=3)
    await store.jobs.create(NewJob("j1", "cities", "optimize", "overnight", b"{}", b"{}", b"{}", sizes, (), "Do it."))
    return "j1"
