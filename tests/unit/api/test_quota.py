"""Who comes too often, or with too many jobs, is told the numbers and when to come back."""

import asyncio
from typing import Any

import httpx
from starlette.responses import Response

from services.api.callers import Caller
from services.api.quota import Quota
from services.queues import JobQueues
from services.store.quotas import WINDOW_S, RequestCounts
from services.store.store import Store

from .conftest import calling, serving


def _refused(answer: httpx.Response, *words: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, "overloaded")
    assert answer.json()["retryable"]
    assert int(answer.headers["retry-after"]) >= 1
    assert f"in {answer.headers['retry-after']} s" in answer.json()["detail"]
    for word in words:
        assert word in answer.json()["detail"]


async def test_no_race_passes_the_limit_of_queued_jobs(
    redis_url: str, store: Store, queues: JobQueues, job: dict[str, Any]
) -> None:
    async with serving(redis_url, store, queues, PMPO_API_MAX_QUEUED_JOBS="3") as app, calling(app) as client:
        answers = await asyncio.gather(*(client.post("/v1/jobs", json=job) for _ in range(12)))
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 9
        refused = next(answer for answer in answers if answer.status_code == 429)
        _refused(refused, "3 jobs are queued and 3 may be (PMPO_API_MAX_QUEUED_JOBS)")
        assert len(await store.jobs.active()) == 3
        await store.jobs.move((await store.jobs.active())[0].id, ["queued"], "running")
        assert (await client.post("/v1/jobs", json=job)).status_code == 201


async def test_jobs_of_one_project_leave_room_for_another(
    redis_url: str, store: Store, queues: JobQueues, job: dict[str, Any]
) -> None:
    settings = {"PMPO_API_KEYS": "required", "PMPO_API_MAX_ACTIVE_JOBS_PER_PROJECT": "2"}
    async with serving(redis_url, store, queues, **settings) as app:
        keys = [(await store.api_keys.create(project, "k", ["read", "submit"]))[1] for project in ("web", "shop")]
        async with calling(app, keys[0]) as web, calling(app, keys[1]) as shop:
            ids = [(await web.post("/v1/jobs", json=job)).json()["id"] for _ in range(2)]
            await store.jobs.move(ids[0], ["queued"], "paused")
            _refused(await web.post("/v1/jobs", json=job), "2 jobs of this project are not over and 2 may be")
            assert (await shop.post("/v1/jobs", json=job)).status_code == 201
            await store.jobs.move(ids[0], ["paused"], "cancelled")
            assert (await web.post("/v1/jobs", json=job)).status_code == 201


async def test_a_request_that_was_answered_is_answered_again_also_when_all_is_full(
    redis_url: str, store: Store, queues: JobQueues, job: dict[str, Any]
) -> None:
    async with serving(redis_url, store, queues, PMPO_API_MAX_QUEUED_JOBS="1") as app, calling(app) as client:
        named = {"idempotency-key": "first"}
        first = await client.post("/v1/jobs", json=job, headers=named)
        again = await client.post("/v1/jobs", json=job, headers=named)
        assert (again.status_code, again.json()) == (201, first.json())
        refused = await client.post("/v1/jobs", json=job, headers={"idempotency-key": "second"})
        _refused(refused)
        await store.jobs.move(first.json()["id"], ["queued"], "cancelled")
        later = await client.post("/v1/jobs", json=job, headers={"idempotency-key": "second"})
        assert later.status_code == 201  # a refusal is not remembered as the key's answer


class Moment:
    """The store's counts at a moment that the test sets."""

    def __init__(self, counts: RequestCounts, now: float) -> None:
        self.now = now
        self._counts = counts

    async def add(self, caller: str) -> tuple[int, float]:
        return await self._counts.add(caller, self.now)


async def test_requests_a_minute(store: Store) -> None:
    async def routes(scope: Any, receive: Any, send: Any) -> None:
        await Response()(scope, receive, send)

    async def called_by_web(scope: Any, receive: Any, send: Any) -> None:
        await quota({**scope, "state": {"caller": Caller("web", frozenset()), "request_id": "r"}}, receive, send)

    moment = Moment(store.requests, 1_000.0 * WINDOW_S + 15.0)
    quota = Quota(routes, moment, 3)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(called_by_web), base_url="http://api") as client:
        assert [(await client.get("/")).status_code for _ in range(4)] == [200, 200, 200, 429]
        _refused(await client.get("/"), "project web sent 5 requests in this minute and 3 are allowed", "in 45 s")
        moment.now += 45.0
        assert (await client.get("/")).status_code == 200


async def test_each_key_has_its_own_minute_and_strangers_have_none(
    redis_url: str, store: Store, queues: JobQueues
) -> None:
    settings = {"PMPO_API_KEYS": "required", "PMPO_API_MAX_REQUESTS_PER_MINUTE": "2"}
    async with serving(redis_url, store, queues, **settings) as app:
        keys = [(await store.api_keys.create("web", "k", ["read"]))[1] for _ in range(2)]
        async with calling(app, keys[0]) as first, calling(app, keys[1]) as second, calling(app) as stranger:
            # six within a minute are too many, also when a new minute begins between them
            statuses = [(await first.get("/v1/jobs")).status_code for _ in range(6)]
            assert 429 in statuses
            assert (await second.get("/v1/jobs")).status_code == 200
            assert [(await stranger.get("/v1/jobs")).status_code for _ in range(4)] == [401] * 4
            assert [(await stranger.get("/healthz")).status_code for _ in range(4)] == [200] * 4


async def test_a_redis_that_is_away_is_told_of_by_the_routes() -> None:
    dead_store = Store.open("redis://127.0.0.1:9/0", 60.0)
    passed: list[str] = []

    async def routes(scope: Any, _receive: Any, _send: Any) -> None:
        passed.append(scope["path"])

    quota = Quota(routes, dead_store.requests, 1)
    scope = {"type": "http", "path": "/v1/jobs", "state": {"caller": Caller("web", frozenset()), "request_id": "r"}}
    for _ in range(3):
        await quota(scope, None, None)  # type: ignore[arg-type]
    assert passed == ["/v1/jobs"] * 3
    await dead_store.close()


async def test_counts_expire(store: Store, redis_url: str) -> None:
    counts: RequestCounts = store.requests
    assert await counts.add("key:a", 120.0) == (1, 60.0)
    assert await counts.add("key:a", 179.0) == (2, 1.0)
    assert await counts.add("key:b", 179.0) == (1, 1.0)
    assert await counts.add("key:a", 180.0) == (1, 60.0)
