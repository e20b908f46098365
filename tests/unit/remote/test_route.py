"""Servers that keep failing, over real HTTP: who is asked, who is left alone, who is probed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from pmpo.errors import PmpoError, ScorerUnavailableError
from pmpo.remote.breaker import BreakerPolicy, Breakers
from pmpo.remote.transport import Peer, RetryPolicy, Upstream

if TYPE_CHECKING:
    from tests.unit.remote.conftest import Reply, ScriptedServer

QUICK = RetryPolicy(max_tries=2, first_wait_s=0.01, max_wait_s=0.01)


def _upstream(
    http: httpx.AsyncClient,
    *urls: str,
    policy: RetryPolicy = QUICK,
    breakers: Breakers | None = None,
    timeout_s: float = 10.0,
) -> Upstream:
    peer = Peer(urls, "scorer", ScorerUnavailableError, "start it", key=None)
    return Upstream(http, peer, timeout_s=timeout_s, policy=policy, breakers=breakers)


async def test_a_server_that_keeps_failing_is_left_alone_and_told_of_at_once(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply("", 503)
    breakers = Breakers(BreakerPolicy(max_failures=4, first_open_s=600.0, max_open_s=600.0))
    first, second = (_upstream(http, server.url, policy=QUICK, breakers=breakers) for _ in range(2))
    for upstream in (first, second):
        with pytest.raises(ScorerUnavailableError, match="cannot answer now"):
            await upstream.post("/x", {})
    with pytest.raises(ScorerUnavailableError, match=r"failed several times in a row .* \(last: status 503") as refusal:
        await first.post("/x", {})
    assert len(server.asked) == 4
    assert refusal.value.retryable
    assert refusal.value.retry_after_s is not None
    assert 590 <= refusal.value.retry_after_s <= 750


async def test_the_probe_of_a_server_that_is_back_lets_all_calls_through(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.script = [reply("", 502), reply("", 502)]
    server.answer = lambda _: reply({"fine": 1})
    breakers = Breakers(BreakerPolicy(max_failures=2, first_open_s=0.01))
    upstream = _upstream(http, server.url, policy=QUICK, breakers=breakers)
    with pytest.raises(ScorerUnavailableError):
        await upstream.post("/x", {})
    assert breakers.states() == {server.url: "open"}
    await asyncio.sleep(0.05)
    assert await upstream.post("/x", {}) == {"fine": 1}
    assert breakers.states() == {server.url: "closed"}


@pytest.mark.parametrize("status", [422, 429, 500])
async def test_a_server_that_refuses_lives(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], status: int
) -> None:
    server.answer = lambda _: reply("no", status)
    breakers = Breakers(BreakerPolicy(max_failures=1))
    for _ in range(3):
        with pytest.raises(PmpoError):
            await _upstream(http, server.url, policy=QUICK, breakers=breakers).post("/x", {})
    assert breakers.states() == {server.url: "closed"}


async def test_a_call_goes_to_the_replica_that_is_not_left_alone(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply({"fine": 1})
    breakers = Breakers(BreakerPolicy(max_failures=1, first_open_s=600.0))
    dead = "http://127.0.0.1:9"
    for _ in range(3):
        assert await _upstream(http, dead, server.url, breakers=breakers).post("/x", {}) == {"fine": 1}
    assert breakers.states() == {dead: "open", server.url: "closed"}


async def test_a_check_asks_who_is_left_alone_and_only_its_success_counts(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    breakers = Breakers(BreakerPolicy(max_failures=1, first_open_s=600.0))
    server.script = [reply("", 503)] * 2
    server.answer = lambda _: reply({"fine": 1})
    probe = _upstream(http, server.url, policy=RetryPolicy(max_tries=1, is_probing=True), breakers=breakers)
    with pytest.raises(ScorerUnavailableError):
        await probe.get("/x")
    assert breakers.states().get(server.url, "closed") == "closed"
    with pytest.raises(ScorerUnavailableError):
        await _upstream(http, server.url, policy=RetryPolicy(max_tries=1), breakers=breakers).get("/x")
    assert breakers.states() == {server.url: "open"}
    assert await probe.get("/x") == {"fine": 1}
    assert breakers.states() == {server.url: "closed"}


async def test_a_call_says_how_long_it_waits(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply({})
    await _upstream(http, server.url, timeout_s=2.5).post("/x", {})
    assert server.asked[0].headers["x-pmpo-deadline-ms"] == "2500"
