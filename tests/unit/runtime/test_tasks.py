"""Calls that run at once: answers in order, the first failure as it is, the others cancelled."""

import asyncio

import pytest

from pmpo.runtime.tasks import all_of


async def test_answers_come_in_order_of_the_calls() -> None:
    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert await all_of(after(turns) for turns in (3, 0, 2)) == [3, 0, 2]
    assert await all_of(()) == []


async def test_the_first_failure_is_raised_bare_and_the_others_are_cancelled() -> None:
    cancelled = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match=r"^no$"):
        await all_of([wait(), fail(), wait()])
    assert cancelled == [True, True]
