"""Talking to the app without a socket."""

from __future__ import annotations

from typing import Any

import httpx

from services.scorer.app import create_app
from services.scorer.service import ScorerService
from services.scorer.startup import ServiceSlot

BODY: dict[str, Any] = {
    "prompts": ["Be brief.", "{{input}}?", [{"role": "user", "content": "q"}]],
    "examples": [{"input": "hi", "target": "yo"}, {"input": "bye", "targets": ["so", "long", "so"]}],
}
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 6, "seed": 1}


def open_client(slot: ServiceSlot) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(slot)), base_url="http://scorer")


def engine_of(service: ScorerService) -> Any:
    """The engine that the service runs on."""
    machine = service._batcher._room._machine
    assert machine is not None
    return machine.engine


def flat(cells: list[list[Any]]) -> list[Any]:
    return [value for row in cells for cell in row for value in (cell if isinstance(cell, list) else [cell])]
