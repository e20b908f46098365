import time
from typing import Any

import httpx
import pytest

from pmpo.contracts.keys import DEFAULT_PROJECT
from services.api.jobs import listing
from services.store import keys
from services.store.store import Store


@pytest.fixture
async def ids(client: httpx.AsyncClient, job: dict[str, Any]) -> list[str]:
    """Seven jobs, oldest first."""
    made = []
    for number in range(7):
        body = {**job, "name": f"{'even' if number % 2 == 0 else 'odd'}-{number}"}
        made.append(str((await client.post("/v1/jobs", json=body)).json()["id"]))
    return made


async def listed(client: httpx.AsyncClient, **query: Any) -> list[list[str]]:
    """The ids of every page."""
    pages: list[list[str]] = []
    while True:
        answer = await client.get("/v1/jobs", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        pages.append([found["id"] for found in page["jobs"]])
        if page["next"] is None:
            return pages
        query["cursor"] = page["next"]


async def test_pages_hold_every_job_once_newest_first(client: httpx.AsyncClient, ids: list[str]) -> None:
    pages = await listed(client, limit=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [each for page in pages for each in page] == ids[::-1]
    assert await listed(client, limit=7) == [ids[::-1]]


async def test_jobs_of_the_same_moment_are_told_apart(client: httpx.AsyncClient, ids: list[str], store: Store) -> None:
    moment = 1_700_000_000.5
    for each in ids:
        await store._redis.zadd(keys.jobs(DEFAULT_PROJECT), {each: moment})
        await store._redis.hset(keys.job(each), "created_at", repr(moment))
    pages = await listed(client, limit=2)
    assert [each for page in pages for each in page] == sorted(ids, reverse=True)


async def test_filters(client: httpx.AsyncClient, ids: list[str], store: Store) -> None:
    await store.jobs.move(ids[1], ["queued"], "running")
    await store.jobs.move(ids[2], ["queued"], "cancelled")
    for query, expected in (
        ({"state": "running"}, [1]),
        ({"state": ["running", "cancelled"]}, [2, 1]),
        ({"name": "odd"}, [5, 3, 1]),
        ({"name": "odd", "state": "queued"}, [5, 3]),
        ({"kind": "compress"}, []),
        ({"kind": "optimize", "name": "even-0"}, [0]),
        ({"since": str(time.time() + 60)}, []),
        ({"since": "2026-01-01"}, list(range(6, -1, -1))),
        ({"since": "9999-01-01T00:00:00+02:00"}, []),
    ):
        assert await listed(client, limit=100, **query) == [[ids[place] for place in expected]], query


async def test_a_deleted_job_does_not_stop_the_pages(client: httpx.AsyncClient, ids: list[str], store: Store) -> None:
    page = (await client.get("/v1/jobs", params={"limit": 2})).json()
    await store.jobs.move(ids[5], ["queued"], "cancelled")
    await store.disposal.delete(ids[5])  # the one that the cursor names
    assert (await listed(client, limit=9, cursor=page["next"])) == [ids[4::-1]]


async def test_a_filter_that_takes_little_looks_at_a_bounded_number(
    client: httpx.AsyncClient, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "CHUNK_JOBS", 2)
    monkeypatch.setattr(listing, "MAX_LOOKED_AT", 4)
    assert await listed(client, name="even-0") == [[], [ids[0]]]


@pytest.mark.parametrize(
    "query", [{"cursor": "x"}, {"cursor": "1-"}, {"state": "gone"}, {"since": "soon"}, {"limit": 0}]
)
async def test_what_is_no_query(client: httpx.AsyncClient, query: dict[str, Any]) -> None:
    answer = await client.get("/v1/jobs", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert next(iter(query)) in answer.json()["detail"]
