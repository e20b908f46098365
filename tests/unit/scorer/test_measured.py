"""What a request took and what was done stands in headers and metrics."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.unit.scorer.talking import BODY, CHAT


async def test_stage_times_stand_in_the_header_and_in_the_metrics(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/score", json=BODY)
    found = dict(re.findall(r"(\w+);dur=([\d.]+)", response.headers["server-timing"]))
    assert {name: float(found[name]) for name in found} == {
        name: pytest.approx(1000 * response.json()["timings"][f"{name}_s"], abs=1e-3)
        for name in ("tokenize", "queue", "compute")
    }
    await client.post("/v1/chat/completions", json=CHAT)
    await client.post("/v1/score", json={})
    text = (await client.get("/metrics")).text
    for line in (
        'pmpo_scorer_requests_total{route="/v1/score",status="200"} 1.0',
        'pmpo_scorer_requests_total{route="/v1/score",status="422"} 1.0',
        'pmpo_scorer_errors_total{code="invalid_input"} 1.0',
        'pmpo_scorer_stage_seconds_count{route="/v1/score",stage="compute"} 1.0',
        'pmpo_scorer_stage_seconds_count{route="/v1/chat/completions",stage="queue"} 1.0',
        f"pmpo_scorer_scored_tokens_total {response.json()['scored_tokens']:.1f}",
        f"pmpo_scorer_computed_tokens_total {response.json()['computed_tokens']:.1f}",
        "pmpo_scorer_queue_tokens 0.0",
        "pmpo_scorer_ready 1.0",
    ):
        assert line in text.splitlines()


async def test_what_was_scored_before_is_not_computed_again(client: httpx.AsyncClient) -> None:
    first, second = [(await client.post("/v1/score", json=BODY)).json() for _ in range(2)]
    assert second["log_likelihoods"] == first["log_likelihoods"]
    assert second["scored_tokens"] == first["scored_tokens"]
    assert second["computed_tokens"] == 0 < first["computed_tokens"]
    text = (await client.get("/metrics")).text
    assert f"pmpo_scorer_cached_tokens_total {first['scored_tokens']:.1f}" in text
    assert "pmpo_scorer_context_memo_hits_total 6.0" in text
