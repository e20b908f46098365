import pytest

from pmpo.errors import ConflictError, LeaseLostError
from services.store.leases import Lease
from services.store.records import NewJob
from services.store.store import Store


@pytest.fixture
async def lease(store: Store, new_job: NewJob) -> Lease:
    await store.jobs.create(new_job)
    taken = await store.leases.try_acquire("j1", "me")
    assert taken is not None
    return taken


async def test_answers_and_events_come_back_in_order(store: Store, lease: Lease) -> None:
    await store.journal.append(lease, now=1, answers={10: b"ten"}, events={1: b"first", 2: b"second"})
    await store.journal.append(lease, now=2, answers={2: b"two"}, events={3: b"third"})
    assert list((await store.journal.answers("j1")).items()) == [(2, b"two"), (10, b"ten")]
    assert await store.journal.num_answers("j1") == 2
    assert await store.journal.events("j1") == [b"first", b"second", b"third"]
    assert await store.journal.events("j1", after=1, limit=1) == [b"second"]
    assert await store.journal.events("j1", after=3) == []


async def test_what_is_there_already_stays(store: Store, lease: Lease) -> None:
    await store.journal.append(lease, now=1, answers={1: b"old"}, events={1: b"old"})
    await store.journal.append(lease, now=2, answers={1: b"new"}, events={1: b"new", 2: b"next"})
    assert await store.journal.answers("j1") == {1: b"old"}
    assert await store.journal.events("j1") == [b"old", b"next"]


async def test_a_gap_in_the_events_is_refused_and_nothing_is_written(store: Store, lease: Lease) -> None:
    with pytest.raises(ConflictError, match="event 2"):
        await store.journal.append(lease, now=1, answers={1: b"answer"}, events={2: b"second"})
    assert await store.journal.answers("j1") == {}
    assert await store.journal.events("j1") == []


async def test_who_lost_the_lease_writes_nothing(store: Store, lease: Lease) -> None:
    await store.leases.release(lease)
    version = await store.jobs.version("j1")
    for _ in range(2):  # first nobody holds the job, then somebody else does
        with pytest.raises(LeaseLostError):
            await store.journal.append(
                lease, now=1, answers={1: b"late"}, events={1: b"late"}, changes={"best_prompt": "late"}
            )
        await store.leases.try_acquire("j1", "another")
    assert await store.journal.answers("j1") == {}
    assert await store.journal.events("j1") == []
    assert await store.jobs.version("j1") == version
    assert (await store.jobs.get("j1")).view.best_prompt == "Process the input."


async def test_bytes_are_kept_as_they_are(store: Store, lease: Lease) -> None:
    odd = bytes(range(256))
    await store.journal.append(lease, now=1, answers={1: odd}, events={1: odd})
    assert await store.journal.answers("j1") == {1: odd}
    assert await store.journal.events("j1") == [odd]
