"""Of each job one request at a time is inside, in the order in which they came."""

from __future__ import annotations

import asyncio

from services.scorer.turns import Turns


async def test_jobs_are_inside_together_and_their_own_requests_one_by_one() -> None:
    turns, inside, order = Turns(), set[str](), list[str]()

    async def request(job: str, name: str) -> None:
        async with turns.turn(job):
            assert job not in inside
            inside.add(job)
            order.append(name)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            inside.remove(job)

    await asyncio.gather(*(request("a", f"a{n}") for n in range(3)), request("b", "b0"))
    assert order.index("b0") == 1
    assert [name for name in order if name.startswith("a")] == ["a0", "a1", "a2"]
    assert turns._lines == {}


async def test_a_request_that_is_cancelled_while_it_waits_lets_the_next_in() -> None:
    turns = Turns()
    entered = asyncio.Event()

    async def request() -> None:
        async with turns.turn("a"):
            entered.set()

    async with turns.turn("a"):
        gone, stays = asyncio.create_task(request()), asyncio.create_task(request())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert not entered.is_set()
    await stays
    assert entered.is_set()
    assert turns._lines == {}
