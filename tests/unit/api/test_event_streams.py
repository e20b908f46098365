"""Events as a stream, over real connections to the real application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from pmpo.contracts.jobs import FINAL_STATES
from services.api.events.feeds import MAX_KEPT, JobFeeds
from services.api.events.streams import EventStreams
from services.api.jobs.waiting import Waiting
from services.store.leases import Lease
from services.store.store import Store
from tests.unit.private_redis import PrivateRedis

from .routes import JOB

HEADERS = {"accept": "text/event-stream"}


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The application behind a socket: over it a client can leave in the middle."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=5))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits, trust_env=False) as client:
        yield client
    server.should_exit = True
    await serving


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with listening(app) as opened:
        yield opened


@pytest.fixture
async def job_id(client: httpx.AsyncClient) -> str:
    return str((await client.post("/v1/jobs", json=JOB)).json()["id"])


@pytest.fixture
async def lease(store: Store, job_id: str) -> Lease:
    taken = await store.leases.try_acquire(job_id, "worker")
    assert taken is not None
    return taken


async def add(store: Store, lease: Lease, *numbers: int) -> None:
    events = {
        number: json.dumps({"number": number, "kind": "k", "data": {"text": "a\nb"}}).encode() for number in numbers
    }
    await store.journal.append(lease, now=1, events=events)


async def read(answer: httpx.Response, until: str = "end") -> list[dict[str, str]]:
    """The frames up to the named one, comments left out."""
    frames: list[dict[str, str]] = []
    frame: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            frame[name] = value
            continue
        if "data" in frame:
            frames.append(frame)
            if until in (frame.get("event"), frame.get("id")):
                break
        frame = {}
    return frames


def numbers(frames: list[dict[str, str]]) -> list[int]:
    found = [int(frame["id"]) for frame in frames if "id" in frame]
    assert found == [json.loads(frame["data"])["number"] for frame in frames if "id" in frame]
    return found


async def test_what_was_missed_then_what_comes_then_the_end(
    client: httpx.AsyncClient, store: Store, lease: Lease
) -> None:
    await add(store, lease, *range(1, 4))
    async with client.stream("GET", f"/v1/jobs/{lease.job_id}/events", headers=HEADERS) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        first = await read(answer, until="3")
    assert [frame.get("event") for frame in first] == ["state", None, None, None]
    assert json.loads(first[1]["data"])["data"] == {"text": "a\nb"}
    again = {**HEADERS, "last-event-id": "3"}
    async with client.stream("GET", f"/v1/jobs/{lease.job_id}/events?after=1", headers=again) as answer:
        await add(store, lease, 4, 5)
        await store.jobs.move(lease.job_id, ["queued"], "running")
        await add(store, lease, 6)
        await store.jobs.move(lease.job_id, ["running"], "succeeded")
        frames = await read(answer, until="the connection is closed")
    assert numbers(frames) == [4, 5, 6]
    assert json.loads(frames[-1]["data"]) == {"state": "succeeded", "last": 6}


async def test_a_job_that_is_over_is_told_in_one_go(client: httpx.AsyncClient, store: Store, lease: Lease) -> None:
    total = 3 * MAX_KEPT
    await add(store, lease, *range(1, total + 1))
    await store.jobs.move(lease.job_id, ["queued"], "cancelled")
    for after, expected in ((0, total), (total - 1, 1), (total, 0), (total + 9, 0)):
        async with client.stream("GET", f"/v1/jobs/{lease.job_id}/events?after={after}", headers=HEADERS) as answer:
            assert len(numbers(await read(answer))) == expected


async def test_without_the_header_a_page_comes(client: httpx.AsyncClient, job_id: str) -> None:
    answer = await client.get(f"/v1/jobs/{job_id}/events", headers={"accept": "*/*"})
    assert answer.json() == {"events": [], "last": 0, "state": "queued"}
    for bad in ("x", "-1"):
        refused = await client.get(f"/v1/jobs/{job_id}/events", headers={**HEADERS, "last-event-id": bad})
        assert refused.status_code == 422
    assert (await client.get("/v1/jobs/nobody/events", headers=HEADERS)).status_code == 404


async def test_many_followers_ask_no_more_than_one(
    app: FastAPI, client: httpx.AsyncClient, store: Store, lease: Lease
) -> None:
    feeds: JobFeeds = app.state.collaborators.streams.feeds
    asked = _count(feeds)
    num_tasks = len(asyncio.all_tasks())
    path = f"/v1/jobs/{lease.job_id}/events"
    async with AsyncExitStack() as opened:
        answers = [await opened.enter_async_context(client.stream("GET", path, headers=HEADERS)) for _ in range(200)]
        reading = [asyncio.create_task(read(answer, until="40")) for answer in answers]
        asked.clear()
        for number in range(1, 41):
            await add(store, lease, number)
        for frames in await asyncio.gather(*reading):
            assert numbers(frames) == list(range(1, 41))
        assert feeds.num_followed == 1
        assert asked["events_of"] <= 40
        assert asked["events"] <= 400  # what they missed before their first look, each for itself
    for _ in range(400):
        if not feeds.num_followed and len(asyncio.all_tasks()) <= num_tasks:
            break
        await asyncio.sleep(0.05)
    assert feeds.num_followed == 0
    assert len(asyncio.all_tasks()) <= num_tasks, asyncio.all_tasks()


def _count(feeds: JobFeeds) -> dict[str, int]:
    """Counts the questions to the journal while they are asked as ever."""
    from collections import Counter

    asked: Counter[str] = Counter()
    journal = feeds._journal
    for name in ("events", "events_of", "pulses"):
        real = getattr(journal, name)

        def counted(*args: Any, _real: Any = real, _name: str = name, **more: Any) -> Any:
            asked[_name] += 1
            return _real(*args, **more)

        setattr(journal, name, counted)
    return asked


async def test_streams_end_when_the_api_is_to_stop(app: FastAPI, client: httpx.AsyncClient, job_id: str) -> None:
    async with client.stream("GET", f"/v1/jobs/{job_id}/events", headers=HEADERS) as answer:
        reading = asyncio.create_task(read(answer))
        await asyncio.sleep(0.3)
        assert not reading.done()
        app.state.collaborators.streams.feeds._waiting.end()
        frames = await asyncio.wait_for(reading, 30)
    assert [frame["event"] for frame in frames] == ["state"]


async def test_a_job_that_is_deleted_ends_its_streams(client: httpx.AsyncClient, store: Store, lease: Lease) -> None:
    async with client.stream("GET", f"/v1/jobs/{lease.job_id}/events", headers=HEADERS) as answer:
        await store.jobs.move(lease.job_id, ["queued"], "cancelled")
        await store.disposal.delete(lease.job_id)
        frames = await asyncio.wait_for(read(answer), 30)
    assert all(json.loads(frame["data"])["state"] in {*FINAL_STATES, "queued"} for frame in frames)


async def test_silence_is_filled(store: Store, job_id: str) -> None:
    streams = EventStreams(store.journal, Waiting(), heartbeat_s=0.05)
    chunks = []
    async for chunk in streams.response(job_id, 0).body_iterator:
        chunks.append(bytes(chunk))
        if len(chunks) == 4:
            break
    assert chunks[0].startswith(b"retry: ") and all(chunk.startswith((b":", b"event: state")) for chunk in chunks[1:])


async def test_a_redis_that_dies_ends_the_streams(tmp_path: Path) -> None:
    redis = PrivateRedis(tmp_path)
    redis.start()
    store = Store.open(redis.url, 60.0)
    try:
        streams = EventStreams(store.journal, Waiting())
        stream = streams.response("j1", 0).body_iterator
        assert await anext(aiter(stream))
        rest = asyncio.create_task(_drain(stream))
        redis.kill()
        assert all(chunk.startswith((b":", b"event: state")) for chunk in await asyncio.wait_for(rest, 60))
        assert streams.feeds.num_followed == 0
    finally:
        redis.kill()
        await store.close()


async def _drain(stream: Any) -> list[bytes]:
    return [chunk async for chunk in stream]
