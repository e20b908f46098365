"""Servers of other makers, each with its habits, over real HTTP: vLLM, SGLang, llama.cpp, hosted ones."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pmpo.errors import (
    GeneratorUnavailableError,
    InvalidInputError,
    OverloadedError,
    PmpoError,
    TooLongError,
    UpstreamError,
)
from pmpo.optim.types import Completion, GenerationRequest, Message
from pmpo.remote.generator import GeneratorClient
from pmpo.remote.transport import RetryPolicy
from pmpo.runtime.endpoints import Endpoint, load_endpoints
from pmpo.runtime.settings import load_settings

if TYPE_CHECKING:
    from tests.unit.remote.conftest import Asked, Reply, ScriptedServer

TURNS = (Message("system", "Be brief."), Message("user", "hi"))
NUM_READ = 7  # prompt tokens of every call


def _client(http: httpx.AsyncClient, server: ScriptedServer, **more: Any) -> GeneratorClient:
    table = json.dumps({"default": {"url": "http://scorer.invalid", "generate_url": server.url, "model": "m", **more}})
    endpoint = load_endpoints(load_settings({"PMPO_ENDPOINTS": table}))["default"]
    return GeneratorClient(http, endpoint, timeout_s=10, policy=RetryPolicy(3, 0.0, 0.0))


def _request(seed: int = 5, num_samples: int = 1, answer_prefix: str = "") -> GenerationRequest:
    return GenerationRequest(TURNS, num_samples, 20, 0.7, 0.9, seed, (), answer_prefix)


def _chat(texts: list[str | None], finish: str = "stop") -> dict[str, Any]:
    """An answer as vLLM and OpenAI give it: no count of each sample."""
    choices = [
        {"index": place, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        for place, text in enumerate(texts)
    ]
    num = 2 * len(texts)
    return {"choices": choices, "usage": {"prompt_tokens": NUM_READ, "completion_tokens": num, "total_tokens": 0}}


def _refusal(message: str) -> dict[str, Any]:
    """An error as vLLM and OpenAI write it."""
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400}}


def _one_alone(asked: Asked, reply: type[Reply]) -> Reply:
    """A server that writes one sample, named by its seed, whatever it is asked for."""
    return reply(_chat([str(asked.body["seed"])]))


def _several_refused(asked: Asked, reply: type[Reply]) -> Reply:
    if asked.body["n"] > 1:
        return reply(_refusal("Only one completion choice is allowed"), 400)
    return _one_alone(asked, reply)


@pytest.mark.parametrize("habit", [_one_alone, _several_refused])
async def test_a_server_that_writes_one_sample_at_a_time_is_asked_again_for_the_others(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], habit: Any
) -> None:
    server.answer = lambda asked: habit(asked, reply)
    client = _client(http, server)
    (row,) = await client.generate([_request(5, num_samples=3)])
    assert row == [Completion(str(seed), 2, "stop", 3 * NUM_READ) for seed in (5, 6, 7)]
    before = len(server.asked)
    assert [one.text for one in (await client.generate([_request(9, num_samples=2)]))[0]] == ["9", "10"]
    assert [asked.body["n"] for asked in server.asked[before:]] == [1, 1]  # it is not asked for several again


async def test_a_refusal_that_is_not_about_the_number_is_told_as_it_was(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.answer = lambda _: reply(_refusal("temperature must be 1"), 400)
    with pytest.raises(UpstreamError, match=f"the generator at {server.url} .*status 400: temperature must be 1"):
        await _client(http, server).generate([_request(num_samples=3)])
    assert [asked.body["n"] for asked in server.asked] == [3, 1]


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (400, _refusal("This model's maximum context length is 2048 tokens."), TooLongError, "maximum context length"),
        (400, _refusal("the request exceeds the available context size"), TooLongError, "shorten the prompt"),
        (400, _refusal("no chat template is defined"), UpstreamError, "status 400: no chat template is defined"),
        (401, _refusal("Incorrect API key provided"), UpstreamError, "refused the key (status 401: Incorrect API key"),
        (403, "forbidden", UpstreamError, "correct key_variable in PMPO_ENDPOINTS"),
        (404, _refusal("The model `m` does not exist."), UpstreamError, "The model `m` does not exist.; correct the"),
        (404, {"detail": "Not Found"}, UpstreamError, "correct the address or the model in PMPO_ENDPOINTS"),
        (429, _refusal("You exceeded your current quota"), OverloadedError, "You exceeded your current quota"),
        (503, _refusal("Loading model"), GeneratorUnavailableError, "status 503: Loading model"),
        (500, {"message": "out of memory"}, UpstreamError, "status 500: out of memory"),
    ],
)
async def test_a_refusal_is_an_error_of_our_tree_and_quotes_the_server(
    *,
    http: httpx.AsyncClient,
    server: ScriptedServer,
    reply: type[Reply],
    status: int,
    body: Any,
    error: type[PmpoError],
    says: str,
) -> None:
    server.answer = lambda _: reply(body, status)
    with pytest.raises(error) as refusal:
        await _client(http, server).generate([_request()])
    assert says in str(refusal.value)
    assert server.url in str(refusal.value)
    assert refusal.value.retryable == (status in (429, 503))


async def test_plain_text_is_what_our_scorer_shows_a_model_without_a_template(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    texts = [{"index": 0, "text": " hello", "finish_reason": "length", "logprobs": None}]
    usage = {"prompt_tokens": 4, "completion_tokens": 20}
    server.answer = lambda _: reply({"choices": texts, "usage": usage})
    client = _client(http, server, generate_api="completions")
    answer = await client.generate([_request(answer_prefix="So")])
    assert answer == [[Completion(" hello", 20, "length", 4)]]
    (asked,) = server.asked
    assert asked.path == "/v1/completions"
    assert asked.body == {
        "model": "m",
        "prompt": "Be brief.\n\nhi\nSo",
        "n": 1,
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 20,
        "seed": 5,
    }


async def test_template_arguments_for_plain_text_are_refused(http: httpx.AsyncClient, server: ScriptedServer) -> None:
    endpoint = Endpoint(name="base", url=server.url, generate_api="completions")
    client = GeneratorClient(http, endpoint, timeout_s=10, chat_template_kwargs={"enable_thinking": False})
    with pytest.raises(InvalidInputError, match="where no template reads them; leave them out"):
        await client.generate([_request()])
    assert server.asked == []


@pytest.mark.parametrize(
    "models", [{"data": [{"id": "m", "owned_by": "vllm"}]}, {"object": "list"}, [], None], ids=repr
)
async def test_a_foreign_server_gets_the_beginning_of_an_answer_as_a_message_to_go_on_with(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply], models: Any
) -> None:
    listed = reply("", 404) if models is None else reply(models)
    server.answer = lambda asked: listed if asked.body is None else reply(_chat(["x"]))
    begun = dataclasses.replace(_request(), answer_prefix="So ")
    await _client(http, server).generate([begun, begun])
    _, asked, same = server.asked
    assert asked.body["messages"][-1] == {"role": "assistant", "content": "So "}
    assert (asked.body["continue_final_message"], asked.body["add_generation_prompt"]) == (True, False)
    assert "answer_prefix" not in asked.body
    assert same.body == asked.body


async def test_an_answer_cut_before_it_began_is_empty_and_one_without_text_is_refused(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    server.script = [reply(_chat([None], "length")), reply(_chat([None], "tool_calls"))]
    client = _client(http, server)
    assert await client.generate([_request()]) == [[Completion("", 2, "length", NUM_READ)]]
    with pytest.raises(UpstreamError, match="gave a sample without text"):
        await client.generate([_request()])


async def test_usage_that_is_not_told_is_not_guessed(
    http: httpx.AsyncClient, server: ScriptedServer, reply: type[Reply]
) -> None:
    answer = {key: value for key, value in _chat(["x"]).items() if key != "usage"}
    server.answer = lambda _: reply(answer)
    with pytest.raises(UpstreamError, match="another form than documented"):
        await _client(http, server).generate([_request()])
