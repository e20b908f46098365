import asyncio

import pytest

from pmpo.errors import ConfigurationError, StoreUnavailableError
from services.stack.options import free_port
from services.store.connection import MAX_CONNECTIONS, connect
from services.store.records import NewJob
from services.store.store import Store


@pytest.mark.parametrize("url", [None, "", "http://somewhere", "localhost:6379"])
def test_no_address_or_none_of_redis_is_told_with_the_setting(url: str | None) -> None:
    with pytest.raises(ConfigurationError, match="PMPO_REDIS_URL"):
        connect(url)


async def test_a_redis_that_is_not_there_can_be_tried_again(redis_url: str) -> None:
    store = Store.open(f"redis://:secret@127.0.0.1:{free_port()}/0", 1.0)
    try:
        for call in (store.ping(), store.jobs.get("j"), store.leases.try_acquire("j", "a"), store.journal.answers("j")):
            with pytest.raises(StoreUnavailableError, match="PMPO_REDIS_URL") as caught:
                await call
            assert caught.value.retryable
            assert "secret" not in caught.value.message
    finally:
        await store.close()


async def test_more_commands_at_once_than_connections_wait_for_one(store: Store) -> None:
    await asyncio.gather(*(store.ping() for _ in range(20 * MAX_CONNECTIONS)))


async def test_a_cancelled_caller_is_cancelled_and_what_it_began_is_done(redis_url: str) -> None:
    """redis-py 8.1 loses about every second cancellation that arrives in mid-command; ours must not."""
    store = Store.open(redis_url, 1.0)

    async def ask_for_ever() -> None:
        while True:
            await store.jobs.active()

    for pause in range(60):
        asking = asyncio.create_task(ask_for_ever())
        await asyncio.sleep(0.0003 * pause)
        asking.cancel()
        await asyncio.wait([asking], timeout=5)
        assert asking.cancelled()
    await store.ping()
    await store.close()


async def test_a_redis_that_takes_no_writes_is_told_with_its_remedy(redis_url: str, new_job: NewJob) -> None:
    store, client = Store.open(redis_url, 1.0), connect(redis_url)
    try:
        await client.config_set("maxmemory", "1")
        with pytest.raises(StoreUnavailableError, match="its maxmemory is reached; raise it, or clear away") as caught:
            await store.jobs.create(new_job)
        assert caught.value.retryable
    finally:
        await client.config_set("maxmemory", "0")
        await store.jobs.create(new_job)
        await client.aclose()
        await store.close()
