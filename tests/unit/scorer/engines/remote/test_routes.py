"""What callers of a scorer over model servers are told: the status, the code and one sentence with the remedy."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from pmpo.runtime.metrics import ScorerMetrics
from pmpo.runtime.settings import Settings
from services.scorer.model_source import ModelSource, find_model
from services.scorer.startup import ServiceSlot, build_service
from tests.model_servers import ModelServer
from tests.unit.scorer.engines.remote.test_faults import last_is_nan, spoiling, without_last
from tests.unit.scorer.talking import open_client

Make = Callable[..., ModelServer]
SCORE: dict[str, Any] = {"prompts": ["Go."], "examples": [{"input": "hi", "target": "yo"}]}


@asynccontextmanager
async def scorer(
    settings: Settings, source: ModelSource, server: ModelServer, engine: str = "remote", **more: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """The routes of a scorer on a server."""
    changes = {"scorer_engine": engine, "scorer_remote_urls": server.url, "scorer_remote_model": "m", **more}
    service = await asyncio.to_thread(
        build_service, settings.model_copy(update=changes), source, metrics := ScorerMetrics()
    )
    service.start()
    try:
        async with open_client(ServiceSlot(service, metrics)) as client:
            yield client
    finally:
        await service.close()


async def refused(client: httpx.AsyncClient, body: Any, status: int, code: str) -> str:
    answer = await client.post("/v1/score", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert (await client.get("/readyz")).status_code == 200
    return str(problem["detail"])


async def test_an_estimate_beyond_the_cap_is_the_callers_to_change(
    make_server: Make, settings: Settings, source: ModelSource
) -> None:
    server = make_server("llama_cpp")
    async with scorer(settings, source, server, "sampled_prefix", scorer_sampled_max_calls=5) as client:
        asked = server.num_asked("/v1/completions")
        many = {**SCORE, "examples": [{"input": "hi", "target": f"yo{n}"} for n in range(4)]}
        said = await refused(client, many, 422, "budget_too_small")
        assert "score fewer examples, or raise PMPO_SCORER_SAMPLED_MAX_CALLS" in said
        assert server.num_asked("/v1/completions") == asked
        assert (await client.post("/v1/score", json=SCORE)).status_code == 200


async def test_nan_from_a_server_reaches_nobody_as_a_number(
    make_server: Make, settings: Settings, source: ModelSource
) -> None:
    server = make_server()
    async with scorer(settings, source, server) as client:
        server.change = spoiling("vllm", last_is_nan)
        said = await refused(client, SCORE, 500, "non_finite_score")
        assert "gave nan for token" in said
        assert "of item 0" in said


async def test_short_rows_are_told_as_the_servers_fault(
    make_server: Make, settings: Settings, source: ModelSource
) -> None:
    server = make_server()
    async with scorer(settings, source, server) as client:
        server.change = spoiling("vllm", without_last)
        said = await refused(client, SCORE, 502, "upstream")
        assert f"the model server at {server.url}" in said
        server.change = lambda path, body, answer: answer
        assert (await client.post("/v1/score", json=SCORE)).status_code == 200


async def test_an_item_longer_than_the_servers_context_is_named_with_both_lengths(
    make_server: Make, settings: Settings, source: ModelSource
) -> None:
    """The model's files allow 256 tokens, and the server was started with fewer."""
    server = make_server(max_model_len=100)
    async with scorer(settings, source, server) as client:
        assert (await client.get("/v1/models")).json()["data"][0]["context_length"] == 99
        asked = len(server.asked)
        long = {"input": "x" * 90, "target": "yo"}
        said = await refused(client, {**SCORE, "examples": [*SCORE["examples"], long]}, 422, "too_long")
        assert said.startswith("prompt 0 with example 1 is ")
        assert "the model's context is 99 tokens" in said
        assert len(server.asked) == asked


async def test_a_server_that_takes_less_than_it_says_is_believed_when_it_refuses(
    make_server: Make, settings: Settings, source: ModelSource
) -> None:
    server = make_server(max_model_len=200)
    async with scorer(settings, source, server) as client:
        server.max_model_len = 20
        said = await refused(client, SCORE, 422, "too_long")
        assert "lower PMPO_SCORER_REMOTE_CONTEXT_LENGTH" in said


async def test_a_model_without_a_chat_template_is_scored_and_answers_under_the_plain_one(
    make_server: Make, settings: Settings, model_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "base", ignore=shutil.ignore_patterns("chat_template*", "*.safetensors"))
    files = find_model(str(tmp_path / "base"), needs_weights=False)
    server = make_server()
    async with scorer(settings, files, server) as client:
        scored = (await client.post("/v1/score", json=SCORE)).json()
        assert scored["scored_tokens"] == len("Go.\n\nhi\n") + len("yo") + 1
        sent = server.asked[-1][1]["token_ids"]
        assert len(sent) == scored["scored_tokens"]
        chat = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
        assert (await client.post("/v1/chat/completions", json=chat)).json()["usage"]["prompt_tokens"] == len("hi\n")
