import asyncio
import time
from typing import Any

import httpx
from fastapi import FastAPI

from pmpo.errors import StoreUnavailableError
from services.api.jobs.waiting import POLL_S, SharedLooks, Waiting


async def _never() -> bool:
    return False


async def test_an_end_answers_those_who_wait_and_those_who_come_later() -> None:
    waiting = Waiting()
    waits = [asyncio.create_task(waiting.until(_never, 600)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting.end()
    await asyncio.wait_for(asyncio.gather(*waits), 30)
    await asyncio.wait_for(waiting.until(_never, 600), 30)


async def test_a_patience_that_is_over_is_an_answer() -> None:
    before = time.monotonic()
    await Waiting().until(_never, 0.2)
    assert time.monotonic() - before >= 0.2


async def test_a_long_poll_is_answered_when_the_api_is_to_stop(
    app: FastAPI, client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    job_id = (await client.post("/v1/jobs", json=job)).json()["id"]
    polls = [client.get(f"/v1/jobs/{job_id}{what}", params={"wait": 60}) for what in ("", "/events")]
    asked = [asyncio.create_task(poll) for poll in polls]
    await asyncio.sleep(0.3)
    app.state.collaborators.jobs.waiting.end()
    for answer in await asyncio.wait_for(asyncio.gather(*asked), 30):
        assert (answer.status_code, answer.json()["state"]) == (200, "queued")


async def test_many_who_look_at_once_ask_once() -> None:
    asked: list[str] = []

    async def look(name: str) -> int:
        asked.append(name)
        number = len(asked)
        await asyncio.sleep(0.01)
        return number

    looks = SharedLooks(look)
    assert await asyncio.gather(*(looks.at("a") for _ in range(200)), looks.at("b")) == [1] * 200 + [2]
    await asyncio.sleep(2 * POLL_S)
    assert await looks.at("a") == 3
    assert asked == ["a", "b", "a"]


async def test_a_look_that_fails_fails_for_all_and_is_tried_again() -> None:
    failures = [StoreUnavailableError("away")]

    async def look(_name: str) -> int:
        if failures:
            raise failures.pop()
        return 7

    looks = SharedLooks(look)
    found = await asyncio.gather(*(looks.at("a") for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [StoreUnavailableError] * 3
    await asyncio.sleep(2 * POLL_S)
    assert await looks.at("a") == 7


async def test_one_who_hangs_up_takes_nothing_from_the_others() -> None:
    may_answer = asyncio.Event()

    async def look(_name: str) -> int:
        await may_answer.wait()
        return 1

    looks = SharedLooks(look)
    first, second = asyncio.create_task(looks.at("a")), asyncio.create_task(looks.at("a"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    may_answer.set()
    assert await second == 1
