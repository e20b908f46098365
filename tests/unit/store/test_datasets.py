"""Data sets in a real Redis: whole or not there, of one project, kept while they are needed."""

from __future__ import annotations

import asyncio

import pytest

from pmpo.errors import ConflictError, NotFoundError, StoreUnavailableError
from services.store import keys
from services.store.datasets import CHUNK_ROWS
from services.store.store import Store

META = {"sha256": "0" * 64, "num_rows": "1200", "created_at": "1.5"}
ONE, OTHER = "ds_" + "1" * 32, "ds_" + "2" * 32


def rows(number: int) -> list[bytes]:
    return [f'{{"n":{row}}}'.encode() for row in range(number)]


async def saved(
    store: Store, dataset_id: str = ONE, *, project: str = "default", name: str = "", num: int = 1_200
) -> bool:
    upload = store.datasets.begin()
    for start in range(0, num, CHUNK_ROWS):
        await store.datasets.put(upload, rows(num)[start : start + CHUNK_ROWS])
    return await store.datasets.finish(upload, project, dataset_id, name, {**META, "num_rows": str(num)})


async def test_nothing_is_visible_before_the_end(store: Store) -> None:
    upload = store.datasets.begin()
    await store.datasets.put(upload, rows(CHUNK_ROWS))
    with pytest.raises(NotFoundError):
        await store.datasets.get("default", ONE)
    assert await store.datasets.newest("default", None, 10) == []
    assert 0 < await store._redis.ttl(keys.upload(upload.token)) <= keys.UPLOAD_TTL_S
    await store.datasets.abandon(upload)
    assert await store._redis.keys("pmpo:*") == []


async def test_rows_come_back_from_any_place(store: Store) -> None:
    assert await saved(store)
    for start, limit in [(0, 1), (0, 1_200), (499, 2), (500, 500), (1_199, 50), (1_200, 5), (5_000, 5)]:
        assert await store.datasets.lines("default", ONE, start, limit) == rows(1_200)[start : start + limit]
    assert await store.datasets.all_lines("default", ONE) == rows(1_200)
    assert await store._redis.ttl(keys.dataset_chunks("default", ONE)) == -1


async def test_the_same_content_again_changes_nothing_but_the_name(store: Store) -> None:
    assert await saved(store, name="first")
    before = await store.datasets.get("default", ONE)
    assert not await saved(store)
    assert await store.datasets.get("default", ONE) == before
    assert not await saved(store, name="second")
    assert await store.datasets.get("default", ONE) == {**before, "name": "second"}
    assert await store._redis.keys("pmpo:upload:*") == []


async def test_two_uploads_of_one_content_at_once_make_one(store: Store) -> None:
    assert sorted(await asyncio.gather(*(saved(store) for _ in range(5)))) == [False] * 4 + [True]
    assert len(await store.datasets.newest("default", None, 10)) == 1


async def test_an_upload_whose_chunks_are_gone_makes_nothing(store: Store) -> None:
    upload = store.datasets.begin()
    await store.datasets.put(upload, rows(3))
    await store._redis.delete(keys.upload(upload.token))
    with pytest.raises(StoreUnavailableError, match="send it again"):
        await store.datasets.finish(upload, "default", ONE, "", META)
    with pytest.raises(NotFoundError):
        await store.datasets.get("default", ONE)


async def test_another_project_has_none_of_it(store: Store) -> None:
    await saved(store, project="ours")
    for asking in (
        store.datasets.get("theirs", ONE),
        store.datasets.all_lines("theirs", ONE),
        store.datasets.hold("theirs", [ONE], "job:1"),
        store.datasets.delete("theirs", ONE, []),
    ):
        with pytest.raises(NotFoundError, match=f"there is no data set '{ONE}'"):
            await asking
    assert await store.datasets.newest("theirs", None, 5) == []
    assert await saved(store, project="theirs")
    await store.datasets.delete("ours", ONE, [])
    assert len(await store.datasets.all_lines("theirs", ONE)) == 1_200


async def test_pages_have_no_gaps_and_no_repeats_while_sets_come_and_go(store: Store) -> None:
    ids = [f"ds_{number:032x}" for number in range(7)]
    for dataset_id in ids:
        await saved(store, dataset_id, num=3)
    first = await store.datasets.newest("default", None, 3)
    await saved(store, OTHER, num=3)
    await store.datasets.delete("default", first[-1]["id"], [])
    rest = await store.datasets.newest("default", int(first[-1]["number"]), 10)
    assert [meta["id"] for meta in [*first, *rest]] == ids[::-1]


async def test_what_is_needed_is_not_deleted(store: Store) -> None:
    await saved(store)
    await saved(store, OTHER)
    await store.datasets.hold("default", [ONE, OTHER], "job:j1")
    await store.datasets.hold("default", [ONE], "schedule:nightly")
    assert set(await store.datasets.users("default", ONE)) == {"job:j1", "schedule:nightly"}
    with pytest.raises(ConflictError, match="is needed by job j1; wait for it or cancel it"):
        await store.datasets.delete("default", OTHER, [])
    with pytest.raises(ConflictError, match="is needed by schedule nightly; delete that first"):
        await store.datasets.delete("default", ONE, ["job:j1"])
    await store.datasets.release("default", [ONE], "schedule:nightly")
    await store.datasets.delete("default", ONE, ["job:j1"])
    await store.datasets.delete("default", OTHER, ["job:j1"])
    assert await store._redis.keys("pmpo:project:*:dataset:*") == []


async def test_a_hold_on_a_set_that_is_not_there_holds_none(store: Store) -> None:
    await saved(store)
    with pytest.raises(NotFoundError, match=OTHER):
        await store.datasets.hold("default", [ONE, OTHER], "job:j1")
    assert await store.datasets.users("default", ONE) == {}
