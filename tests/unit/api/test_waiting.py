import asyncio
import time
from typing import Any

import httpx
from fastapi import FastAPI

from services.api.jobs.waiting import Waiting


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
