"""Faults on the way, over real HTTP: what is tried again, what is not, and what the error says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pmpo.errors import (
    EngineError,
    InvalidInputError,
    OverloadedError,
    PmpoError,
    ScorerUnavailableError,
    UnavailableError,
    UpstreamError,
)
from pmpo.remote.addresses import Addresses
from pmpo.remote.transport import Peer, RetryPolicy, Upstream

if TYPE_CHECKING:
    from tests.unit.remote.conftest import Reply, ScriptedServer


def _upstream(
    http: httpx.AsyncClient,
    url: str,
    waits: list[float] | None = None,
    timeout_s: float = 10,
    policy: RetryPolicy | None = None,
) -> Upstream:
    peer = Peer([url], "scorer", ScorerUnavailableError, "start it", key=None)
    return Upstream(http, peer, timeout_s=timeout_s, policy=policy or RetryPolicy(), sleep=_recorder(waits))


def _recorder(waits: list[float] | None) -> Callable[[float], Awaitable[None]]:
    async def sleep(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    return sleep


def _problem(code: str, status: int, **more: Any) -> dict[str, Any]:
    head = {"type": f"urn:pmpo:problem:{code}", "title": "t", "status": status, "detail": f"this is {code}"}
    return {**head, "code": code, "retryable": status in (429, 503), "request_id": "r", **more}


async def test_a_refused_connection_names_the_address_and_the_remedy(http: httpx.AsyncClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        waits: list[float] = []
        with pytest.raises(ScorerUnavailableError) as refusal:
            await _upstream(http, url, waits).post("/v1/score", {})
    assert f"the scorer at {url} does not answer" in str(refusal.value)
    assert str(refusal.value).endswith("; start it")
    assert refusal.value.retryable
    assert len(waits) == 4


async def test_waits_are_random_and_bounded(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply("", 503)
    waits: list[float] = []
    with pytest.raises(ScorerUnavailableError, match="cannot answer now"):
        await _upstream(http, server.url, waits, policy=RetryPolicy(8, 1.0, 4.0)).post("/x", {})
    assert len(server.asked) == 8
    assert all(0 <= wait <= bound for wait, bound in zip(waits, [1, 2, 4, 4, 4, 4, 4], strict=True))
    assert len(set(waits)) > 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_passing_fault_is_tried_again_under_one_request_id(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], status: int
) -> None:
    server.script = [reply("busy", status), reply("busy", status), reply({"fine": 1})]
    assert await _upstream(http, server.url).post("/v1/score", {"a": "\u00e9"}) == {"fine": 1}
    assert len(server.asked) == 3
    assert len({asked.headers["x-request-id"] for asked in server.asked}) == 1
    assert [asked.body for asked in server.asked] == [{"a": "\u00e9"}] * 3


async def test_a_broken_connection_is_tried_again(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.script = [reply(close=True), reply({"fine": 1})]
    assert await _upstream(http, server.url).post("/v1/score", {}) == {"fine": 1}


@pytest.mark.parametrize("in_problem", [True, False])
async def test_retry_after_is_honoured_up_to_the_longest_wait(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], in_problem: bool
) -> None:
    def busy(seconds: float) -> Reply:
        if in_problem:
            return reply(_problem("overloaded", 429, retry_after_s=seconds), 429)
        return reply("busy", 429, {"retry-after": str(seconds)})

    server.script = [busy(3), busy(1_000), reply({})]
    waits: list[float] = []
    await _upstream(http, server.url, waits, policy=RetryPolicy(5, 0.5, 30.0)).post("/x", {})
    assert 3 <= waits[0] <= 3.5
    assert waits[1] == 30


async def test_lasting_overload_is_the_servers_own_error(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply(_problem("overloaded", 429), 429, {"retry-after": "7"})
    with pytest.raises(OverloadedError, match="this is overloaded") as refusal:
        await _upstream(http, server.url).post("/x", {})
    assert refusal.value.retry_after_s == 7
    assert len(server.asked) == 5


@pytest.mark.parametrize(
    ("answer", "status", "error", "says"),
    [
        (_problem("engine_failed", 500), 500, EngineError, "this is engine_failed"),
        (_problem("of_the_future", 418), 418, InvalidInputError, "this is of_the_future"),
        (_problem("of_the_future", 501), 501, PmpoError, "this is of_the_future"),
        ("a trace\n of   something", 500, UpstreamError, "answered /x with status 500: a trace of something; look"),
        ("", 500, UpstreamError, "status 500: nothing"),
        ("", 401, UpstreamError, "refused the key"),
        ("", 404, UpstreamError, "has no /x; correct the address or the model"),
        ("", 307, UpstreamError, "status 307"),
        ("{", 200, UpstreamError, "answered /x with what is no JSON"),
        ("[" * 100_000, 200, UpstreamError, "what is no JSON"),
    ],
)
async def test_a_lasting_fault_is_raised_at_once(
    *,
    http: httpx.AsyncClient,
    server: ScriptedServer,
    reply: type[Reply],
    answer: Any,
    status: int,
    error: type[PmpoError],
    says: str,
) -> None:
    server.answer = lambda _: reply(answer, status)
    with pytest.raises(error) as refusal:
        await _upstream(http, server.url).post("/x", {})
    assert says in str(refusal.value)
    assert type(refusal.value) is error
    assert len(server.asked) == 1


async def test_a_deadline_ends_the_call(http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]) -> None:
    server.answer = lambda _: reply(hang=True)
    with pytest.raises(UnavailableError, match=r"did not answer within 0\.05 s \(PMPO_UPSTREAM_TIMEOUT_S\)"):
        await _upstream(http, server.url, timeout_s=0.05).post("/x", {})
    assert len(server.asked) <= 1


async def test_cancelling_closes_the_call_in_flight(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply(hang=True)
    task = asyncio.create_task(_upstream(http, server.url).post("/x", {}))
    assert await asyncio.to_thread(server.arrived.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.hung_up.wait, 10)
    assert len(server.asked) == 1


def _replicas(
    http: httpx.AsyncClient, *urls: str, waits: list[float] | None = None, timeout_s: float = 30, **policy: Any
) -> Upstream:
    peer = Peer(urls, "scorer", ScorerUnavailableError, "start it")
    return Upstream(http, peer, timeout_s=timeout_s, policy=RetryPolicy(**policy), sleep=_recorder(waits))


async def test_a_replica_that_fails_is_left_for_the_next_one_without_a_wait(
    http: httpx.AsyncClient, server: ScriptedServer, second: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply("restarting", 503)
    second.answer = lambda _: reply({"fine": 1})
    waits: list[float] = []
    upstream = _replicas(http, server.url, second.url, waits=waits, max_tries=1)
    assert await upstream.post("/v1/score", {}) == {"fine": 1}
    assert waits == [0.0]
    assert await upstream.get("/v1/models") == {"fine": 1}
    assert (len(server.asked), len(second.asked)) == (1, 2)  # it is not asked again as long as the other answers
    second.answer = lambda _: reply("restarting", 503)
    server.answer = lambda _: reply({"back": 1})
    assert await upstream.get("/v1/models") == {"back": 1}


async def test_many_calls_that_fail_at_one_replica_all_go_to_the_other(
    http: httpx.AsyncClient, server: ScriptedServer, second: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply(close=True)
    second.answer = lambda _: reply({"fine": 1})
    upstream = _replicas(http, server.url, second.url)
    assert await asyncio.gather(*(upstream.post("/x", {}) for _ in range(8))) == [{"fine": 1}] * 8


async def test_a_replica_that_hangs_costs_one_deadline(
    http: httpx.AsyncClient, server: ScriptedServer, second: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply(hang=True)
    second.answer = lambda _: reply({"fine": 1})
    upstream = _replicas(http, server.url, second.url, timeout_s=1)
    with pytest.raises(ScorerUnavailableError, match=f"{server.url} did not answer within"):
        await upstream.get("/x")
    assert await upstream.get("/x") == {"fine": 1}


async def test_when_all_replicas_fail_the_last_one_is_named(
    http: httpx.AsyncClient, server: ScriptedServer, second: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = second.answer = lambda _: reply("", 503)
    with pytest.raises(ScorerUnavailableError, match=f"the scorer at ({server.url}|{second.url}) cannot answer now"):
        await _replicas(http, server.url, second.url, max_tries=3).get("/x")
    assert len(server.asked) + len(second.asked) == 4


def test_jobs_are_spread_over_the_replicas_and_stay_with_theirs() -> None:
    urls = ("http://a", "http://b", "http://c")
    first = [Addresses(urls, f"job-{number}").current for number in range(60)]
    assert set(first) == set(urls)
    assert first == [Addresses(urls, f"job-{number}").current for number in range(60)]
