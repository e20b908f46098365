"""The client's schedule calls against a real API."""

from __future__ import annotations

import pytest

from pmpo.client import AsyncClient, Client
from pmpo.errors import InvalidInputError, NotFoundError


def test_a_schedule_is_paused_resumed_and_deleted(live_api: str, nightly: str) -> None:
    with Client(live_api, api_key="") as client:
        [made] = client.list_schedules().schedules
        paused = client.pause_schedule(nightly)
        assert paused.paused_at is not None
        assert client.pause_schedule(nightly) == paused == client.get_schedule(nightly)
        assert client.resume_schedule(nightly) == client.resume_schedule(nightly) == made
        client.delete_schedule(nightly)
        with pytest.raises(NotFoundError, match=nightly):
            client.pause_schedule(nightly)
        with pytest.raises(InvalidInputError, match="schedule's id is empty"):
            client.resume_schedule(" ")


async def test_awaited(live_api: str, nightly: str) -> None:
    async with AsyncClient(live_api, api_key="") as client:
        assert (await client.pause_schedule(nightly)).paused_at is not None
        assert (await client.resume_schedule(nightly)).paused_at is None
        await client.delete_schedule(nightly)
