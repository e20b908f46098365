"""The generator's client over real HTTP."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pmpo.contracts.scoring import ChatCompletionRequest
from pmpo.errors import EngineError, UpstreamError
from pmpo.optim.ports import Generator
from pmpo.optim.types import Completion, GenerationRequest, Message
from pmpo.remote.generator import MAX_CONCURRENT, GeneratorClient
from pmpo.remote.transport import RetryPolicy
from pmpo.runtime.endpoints import Endpoint

if TYPE_CHECKING:
    from tests.unit.remote.conftest import Asked, Reply, ScriptedServer


def _client(http: httpx.AsyncClient, server: ScriptedServer, model: str | None = None) -> GeneratorClient:
    endpoint = Endpoint(name="default", url="http://scorer.invalid", generate_url=server.url, model=model)
    return GeneratorClient(http, endpoint, timeout_s=10, key="k", policy=RetryPolicy(5, 0.0, 0.0))


def _request(seed: int = 0, num_samples: int = 1, stop: tuple[str, ...] = ()) -> GenerationRequest:
    return GenerationRequest((Message("system", "s"), Message("user", "u")), num_samples, 20, 0.7, 0.9, seed, stop)


def _answer(asked: Asked, reply: type[Reply]) -> Reply:
    """Samples named by seed and index, in reverse order."""
    seed, num = asked.body["seed"], asked.body["n"]
    return reply(
        {"choices": [_choice(index, f"{seed}.{index}") for index in reversed(range(num))], "usage": _usage(num)}
    )


def _choice(index: int, text: str | None, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"index": index, "message": message, "finish_reason": "stop", "num_tokens": 3, **more}


def _usage(num: int) -> dict[str, int]:
    return {"prompt_tokens": 11, "completion_tokens": 3 * num, "total_tokens": 11 + 3 * num}


async def test_completions_come_in_the_order_of_requests_and_samples(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda asked: _answer(asked, reply)
    client: Generator = _client(http, server)
    answers = await client.generate([_request(seed, 3) for seed in range(20)])
    assert [[one.text for one in row] for row in answers] == [[f"{s}.{i}" for i in range(3)] for s in range(20)]
    assert answers[0][0] == Completion("0.0", 3, "stop", 11)
    assert await client.generate([]) == []


async def test_the_request_holds_what_was_asked_for_and_no_more(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda asked: _answer(asked, reply)
    await _client(http, server).generate([_request(5)])
    await _client(http, server, model="m").generate([_request(5, stop=("END",))])
    plain, full = server.asked
    assert plain.path == "/v1/chat/completions"
    assert plain.headers["authorization"] == "Bearer k"
    assert plain.body == {
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "n": 1,
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 20,
        "seed": 5,
    }
    assert full.body == {**plain.body, "model": "m", "stop": ["END"]}
    ChatCompletionRequest.model_validate(full.body)


async def test_at_most_eight_are_under_way(http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]) -> None:
    barrier = threading.Barrier(MAX_CONCURRENT)
    counting = threading.Lock()
    now, most = [0], [0]

    def answer(asked: Asked) -> Reply:
        with counting:
            now[0] += 1
            most[0] = max(most[0], now[0])
        barrier.wait(timeout=10)
        with counting:
            now[0] -= 1
        return _answer(asked, reply)

    server.answer = answer
    await _client(http, server).generate([_request(seed) for seed in range(3 * MAX_CONCURRENT)])
    assert most[0] == MAX_CONCURRENT


async def test_a_server_that_only_counts_the_total_keeps_the_sum(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    choices = [{key: value for key, value in _choice(index, "x").items() if key != "num_tokens"} for index in range(3)]
    usage = {"prompt_tokens": 4, "completion_tokens": 11, "details": {"cached": 1}}
    server.answer = lambda _: reply({"choices": choices, "usage": usage, "system_fingerprint": "f"})
    (row,) = await _client(http, server).generate([_request(num_samples=3)])
    assert [one.num_tokens for one in row] == [4, 4, 3]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "another form than documented"),
        ({"choices": [_choice(0, "x")]}, "another form than documented"),
        ({"choices": [], "usage": _usage(0)}, "0 entries as choices where 1 were asked for"),
        ({"choices": [_choice(0, None)], "usage": _usage(1)}, "gave a sample without text"),
        ({"choices": [_choice(0, "x", num_tokens=-1)], "usage": _usage(1)}, "answered -1 as num_tokens"),
        ({"choices": [_choice(0, "x", num_tokens=21)], "usage": _usage(1)}, "wrote 21 tokens where at most 20"),
        ({"choices": [_choice(0, "x")], "usage": {}}, "answered None as completion_tokens"),
    ],
)
async def test_another_shape_is_refused(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], body: Any, says: str
) -> None:
    server.answer = lambda _: reply(body)
    with pytest.raises(UpstreamError, match=f"the generator at {server.url}") as refusal:
        await _client(http, server).generate([_request()])
    assert says in str(refusal.value)


async def test_half_a_surrogate_pair_becomes_text(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply({"choices": [_choice(0, "a\ud800b")], "usage": _usage(1)})
    ((completion,),) = await _client(http, server).generate([_request()])
    assert completion.text == "a?b"


async def test_one_failure_is_the_error_itself(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    problem = {"type": "t", "title": "t", "status": 500, "detail": "the engine failed: out of memory"}
    more = {"code": "engine_failed", "retryable": False, "request_id": "r"}
    server.answer = lambda asked: reply({**problem, **more}, 500) if asked.body["seed"] == 3 else _answer(asked, reply)
    with pytest.raises(EngineError, match="out of memory"):
        await _client(http, server).generate([_request(seed) for seed in range(6)])


async def test_how_an_answer_begins_is_asked_for_only_where_it_does(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    models = {"data": [{"id": "nano", "owned_by": "pmpo"}]}
    server.answer = lambda asked: reply(models) if asked.body is None else _answer(asked, reply)
    begun = dataclasses.replace(_request(1), answer_prefix="The answer is ")
    await _client(http, server).generate([begun, begun])
    await _client(http, server).generate([_request(2)])
    paths = [asked.path for asked in server.asked]
    assert paths == ["/v1/models", *["/v1/chat/completions"] * 3]  # who it is is asked once
    assert [asked.body.get("answer_prefix") for asked in server.asked[1:]] == ["The answer is "] * 2 + [None]
    assert "answer_prefix" not in server.asked[3].body


async def test_template_arguments_go_with_every_request_and_only_where_there_are_any(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda asked: _answer(asked, reply)
    endpoint = Endpoint(name="default", url=server.url)
    for arguments in ({"enable_thinking": False}, {}):
        client = GeneratorClient(http, endpoint, timeout_s=10, chat_template_kwargs=arguments)
        await client.generate([_request()])
    with_them, without = server.asked
    assert ChatCompletionRequest.model_validate(with_them.body).chat_template_kwargs == {"enable_thinking": False}
    assert "chat_template_kwargs" not in without.body
