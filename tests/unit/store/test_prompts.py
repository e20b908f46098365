"""The registry in a real Redis: versions never change, labels move one step at a time, a job makes one version."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pmpo.errors import ConflictError, IdempotencyKeyReusedError, NotFoundError
from services.store.idempotency import KeyedRequest
from services.store.prompts import NewEntry
from services.store.records import NewJob
from services.store.store import Store


def entry(text: str, **more: Any) -> NewEntry:
    return NewEntry("cities", f'{{"prompt": "{text}"}}'.encode(), f"digest of {text}", **more)


async def add(store: Store, text: str, **more: Any) -> int:
    number, _ = await store.prompts.add("default", entry(text, **more))
    return number


async def stands(store: Store, label: str = "production") -> int | None:
    return (await store.prompts.labels("default", "cities")).get(label)


async def test_versions_count_up_and_stay_as_they_are(store: Store) -> None:
    assert [await add(store, text) for text in "abc"] == [1, 2, 3]
    first = await store.prompts.get("default", "cities", version=1)
    assert (first.number, first.entry, first.parent) == (1, b'{"prompt": "a"}', None)
    assert (await store.prompts.get("default", "cities")).number == 3
    assert await add(store, "a") == 4, "an earlier text comes back as a version of its own"
    assert await store.prompts.get("default", "cities", version=1) == first


async def test_the_text_of_the_newest_version_makes_no_further_one(store: Store) -> None:
    assert await store.prompts.add("default", entry("a")) == (1, "new")
    assert await store.prompts.add("default", entry("a", labels=["production"])) == (1, "same")
    assert await stands(store) == 1


async def test_many_at_once_get_numbers_of_their_own(store: Store) -> None:
    numbers = await asyncio.gather(*(add(store, str(number)) for number in range(30)))
    assert sorted(numbers) == list(range(1, 31))
    for number in numbers:
        found = await store.prompts.get("default", "cities", version=number)
        assert found.entry == f'{{"prompt": "{numbers.index(number)}"}}'.encode()


async def test_a_version_knows_the_version_that_it_was_made_from(store: Store) -> None:
    await add(store, "seed")
    await add(store, "other")
    await add(store, "better", seed_digest="digest of seed")
    assert (await store.prompts.get("default", "cities")).parent == 1
    await add(store, "best", seed_digest="digest of something else")
    assert (await store.prompts.get("default", "cities")).parent is None


async def test_labels_move_by_compare_and_set(store: Store) -> None:
    for text in "abc":
        await add(store, text)
    await store.prompts.promote("default", "cities", "production", 1, expected=None)
    await store.prompts.promote("default", "cities", "production", 3, expected=1)
    with pytest.raises(ConflictError, match="'production' of prompt 'cities' stands at version 3, not where"):
        await store.prompts.promote("default", "cities", "production", 2, expected=1)
    with pytest.raises(ConflictError, match="stands nowhere yet"):
        await store.prompts.promote("default", "cities", "beta", 2, expected=1)
    await store.prompts.promote("default", "cities", "production", 3, expected=1)  # there already: sent again
    assert await stands(store) == 3
    with pytest.raises(NotFoundError, match="has no version 4; its versions are 1 to 3"):
        await store.prompts.promote("default", "cities", "production", 4)


async def test_of_many_who_expect_the_same_one_moves_the_label(store: Store) -> None:
    for number in range(10):
        await add(store, str(number))
    wishes = (store.prompts.promote("default", "cities", "production", n, expected=None) for n in range(1, 11))
    results = await asyncio.gather(*wishes, return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert len(await store.prompts.moves("default", "cities", None, 100)) == 1


async def test_rollback_goes_back_step_by_step_and_history_keeps_all(store: Store) -> None:
    for number in range(12):
        await add(store, str(number))
    for version in (2, 12, 7):
        await store.prompts.promote("default", "cities", "production", version)
    assert await store.prompts.rollback("default", "cities", "production", expected=7) == 12
    with pytest.raises(ConflictError, match="stands at version 12"):
        await store.prompts.rollback("default", "cities", "production", expected=7)
    assert await store.prompts.rollback("default", "cities", "production") == 2
    with pytest.raises(ConflictError, match="stood nowhere before version 2"):
        await store.prompts.rollback("default", "cities", "production")
    assert await stands(store) == 2
    await store.prompts.promote("default", "cities", "production", 9)
    assert await store.prompts.rollback("default", "cities", "production") == 2
    moves = await store.prompts.moves("default", "cities", None, 100)
    assert [(move.number, move.kind, move.from_version, move.to_version) for move in moves] == [
        (7, "rollback", 9, 2),
        (6, "promote", 2, 9),
        (5, "rollback", 12, 2),
        (4, "rollback", 7, 12),
        (3, "promote", 12, 7),
        (2, "promote", 2, 12),
        (1, "promote", None, 2),
    ]
    assert [move.number for move in await store.prompts.moves("default", "cities", 4, 2)] == [3, 2]


async def test_a_label_that_moved_very_often_still_goes_back(store: Store) -> None:
    for number in range(60):
        await add(store, str(number))
    for number in range(1_500):
        await store.prompts.promote("default", "cities", "production", number % 59 + 1)
    expected = (1_498) % 59 + 1
    assert await store.prompts.rollback("default", "cities", "production") == expected


async def test_what_has_no_label_is_told_apart(store: Store) -> None:
    await add(store, "a", labels=["beta"])
    with pytest.raises(ConflictError, match="has no label 'production' to roll back; promote a version first"):
        await store.prompts.rollback("default", "cities", "production")
    with pytest.raises(NotFoundError, match=r"has no label 'x'; its labels are: beta \(version 1\)"):
        await store.prompts.get("default", "cities", label="x")
    assert (await store.prompts.get("default", "cities", label="beta")).labels == ["beta"]


async def test_pages_of_versions_and_of_prompts(store: Store) -> None:
    for number in range(5):
        await add(store, str(number))
    pages = [await store.prompts.versions("default", "cities", before, 2) for before in (None, 4, 2, 1)]
    assert [[version.number for version in page] for page in pages] == [[5, 4], [3, 2], [1], []]
    for name in ("zoo", "alpha", "beta"):
        await store.prompts.add("default", NewEntry(name, b"{}", "d"))
    first = await store.prompts.page("default", "", 2)
    rest = await store.prompts.page("default", first[-1].name, 5)
    assert [prompt.name for prompt in [*first, *rest]] == ["alpha", "beta", "cities", "zoo"]
    assert (rest[0].num_versions, rest[0].newest.number) == (5, 5)


async def test_another_project_has_none_of_it(store: Store) -> None:
    await add(store, "a")
    for asking in (
        store.prompts.get("theirs", "cities"),
        store.prompts.versions("theirs", "cities", None, 5),
        store.prompts.labels("theirs", "cities"),
        store.prompts.promote("theirs", "cities", "production", 1),
        store.prompts.rollback("theirs", "cities", "production"),
    ):
        with pytest.raises(NotFoundError, match="there is no prompt 'cities' in the registry"):
            await asking
    assert await store.prompts.page("theirs", "", 5) == []


async def test_a_request_that_comes_again_makes_one_version(store: Store) -> None:
    request = KeyedRequest("default", "POST /v1/prompts/cities/versions", "key", b"body")
    assert await store.prompts.add("default", entry("a"), request) == (1, "new")
    await add(store, "b")
    assert await store.prompts.add("default", entry("a"), request) == (1, "replayed")
    with pytest.raises(IdempotencyKeyReusedError):
        await store.prompts.add("default", entry("c"), KeyedRequest("default", request.route, "key", b"another"))
    assert (await store.prompts.get("default", "cities")).number == 2


async def finish(store: Store, job_id: str, new: NewEntry) -> None:
    call = store.prompts.registering("default", new, job_id)
    await store.jobs.move(job_id, ["queued", "succeeded"], "succeeded", also=call)


async def test_a_job_ends_and_its_winner_is_a_version_in_one_step(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(new_job)
    await finish(store, new_job.id, entry("better", labels=["confirmed"], kind="automatic"))
    view = (await store.jobs.get(new_job.id)).view
    assert view.registered is not None
    assert (view.state, view.registered.name, view.registered.version) == ("succeeded", "cities", 1)
    assert await stands(store, "confirmed") == 1
    await add(store, "by hand")
    await finish(store, new_job.id, entry("better"))  # the answer to the first was lost
    assert (await store.prompts.get("default", "cities")).number == 2
    assert [move.kind for move in await store.prompts.moves("default", "cities", None, 5)] == ["automatic"]


async def test_a_move_that_is_refused_registers_nothing(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(new_job)
    await store.jobs.move(new_job.id, ["queued"], "cancelled")
    with pytest.raises(ConflictError):
        await finish(store, new_job.id, entry("better"))
    with pytest.raises(NotFoundError):
        await store.prompts.get("default", "cities")
