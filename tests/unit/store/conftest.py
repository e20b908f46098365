from collections.abc import AsyncIterator

import pytest

from pmpo.contracts.jobs import SplitSizes
from services.store.records import NewJob
from services.store.store import Store

LEASE_S = 60.0


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    opened = Store.open(redis_url, LEASE_S)
    yield opened
    await opened.close()


@pytest.fixture
def new_job() -> NewJob:
    return NewJob(
        id="j1",
        name="cities",
        kind="optimize",
        queue="interactive",
        spec=b'{"name": "cities"}',
        splits=b"\x00splits",
        terms=b"\x00terms",
        split_sizes=SplitSizes(train=5, validation=2, test=3),
        warnings=("few rows",),
        prompt="Process the input.",
    )
