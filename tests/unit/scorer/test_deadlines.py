"""A caller says how long it waits; what nobody waits for any more is dropped."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from pmpo.contracts.scoring import DEADLINE_HEADER
from services.scorer.service import ScorerService
from tests.unit.scorer.talking import BODY, engine_of


async def test_work_is_dropped_when_its_callers_time_is_over(
    client: httpx.AsyncClient, service: ScorerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    real_score = engine_of(service).score

    def slow_score(items: Any) -> Any:
        may_go_on.wait(30)
        return real_score(items)

    monkeypatch.setattr(engine_of(service), "score", slow_score)
    answer = await client.post("/v1/score", json=BODY, headers={DEADLINE_HEADER: "40"})
    assert (answer.status_code, answer.json()["code"]) == (503, "scorer_unavailable")
    assert answer.json()["retryable"]
    assert "within the 0.04 s that x-pmpo-deadline-ms gave" in answer.json()["detail"]
    assert service._admission.queued_tokens == 0
    may_go_on.set()
    assert (await client.post("/v1/score", json=BODY, headers={DEADLINE_HEADER: "30000"})).status_code == 200


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "soon", "", "1" * 10, "１"])
async def test_a_deadline_that_is_none_is_refused(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.post("/v1/score", json=BODY, headers={DEADLINE_HEADER: given.encode()})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert "whole milliseconds" in answer.json()["detail"]
