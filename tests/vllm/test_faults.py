"""Bad input to a real ``vllm serve``, and its death: what stops the start in one sentence, and what is survived."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from pmpo.errors import ConfigurationError, PmpoError, ScorerUnavailableError, TooLongError, UpstreamError
from pmpo.optim.types import GenerationRequest, Message
from pmpo.remote.generator import GeneratorClient
from pmpo.remote.transport import RetryPolicy
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.http import open_http
from services.bundled import nano_dir
from services.scorer.batcher.batcher import Batcher
from services.scorer.batcher.engine_room import EngineRoom, RestartPolicy
from services.scorer.batcher.items import ItemPreparer
from services.scorer.batcher.types import BatchLimits
from services.scorer.engines.base import TokenItem
from services.scorer.engines.machine import Machine
from tests.conformance.test_scorer_engines import SUM_TOLERANCE_NATS, prompt_grid, sums
from tests.model_servers import ModelServer
from tests.serve_model import FolderWords
from tests.unit.scorer.batcher.machines import Notes
from tests.unit.scorer.conftest import CHAT_ML, byte_tokenizer, save_model
from tests.vllm.conftest import KEY, VllmServer, chosen

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]
TURNS = (Message("system", "Sort the words."), Message("user", "b, a"))


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(nano_dir(), dtype=torch.float32, local_files_only=True).eval()


@pytest.fixture(scope="module")
def stand_in(model: PreTrainedModel) -> Iterator[ModelServer]:
    """A second server of the same model that speaks as vLLM does."""
    server = ModelServer(model, FolderWords(str(nano_dir())), "vllm", name="nano", max_model_len=2048)
    yield server.start()
    server.stop()


def same(found: list[float], expected: list[float]) -> bool:
    return found == pytest.approx(expected, rel=0, abs=2 * SUM_TOLERANCE_NATS)


def refusal(**settings: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        chosen("remote", **settings)
    assert "\n" not in refused.value.message
    return refused.value.message


def test_a_wrong_key_is_refused(vllm_url: str) -> None:
    for wrong in ({}, {"remote_key": "wrong"}):
        assert "correct PMPO_SCORER_REMOTE_KEY" in refusal(remote_urls=vllm_url, **wrong)


def test_a_wrong_model_name_is_answered_with_the_right_one(vllm_url: str) -> None:
    said = refusal(remote_urls=vllm_url, remote_key=KEY, remote_model="nanno")
    assert "PMPO_SCORER_REMOTE_MODEL is 'nanno'" in said
    assert "it serves nano" in said


def test_a_tokenizer_that_disagrees_is_refused(vllm_url: str, tmp_path: Path) -> None:
    save_model(tmp_path / "bytes", byte_tokenizer(CHAT_ML))
    said = refusal(remote_urls=vllm_url, remote_key=KEY, model=str(tmp_path / "bytes"))
    assert "disagree" in said
    assert "set PMPO_SCORER_MODEL to the files of the model that is served there (nano)" in said


def test_a_context_limit_above_the_servers_is_refused(vllm_url: str) -> None:
    said = refusal(remote_urls=vllm_url, remote_key=KEY, remote_context_length="2048")
    assert "is more than the server takes (2047" in said


def test_an_item_that_is_too_long_is_refused_by_the_server_as_such(over_http: Machine) -> None:
    with pytest.raises(TooLongError, match="lower PMPO_SCORER_REMOTE_CONTEXT_LENGTH"):
        over_http.engine.score([TokenItem((5,) * 2047, (6, 7, 8))])


async def written(url: str, *, key: str | None = KEY, max_tokens: int = 8, **more: str) -> list[int]:
    """Tokens of two samples, written through vLLM's own OpenAI-compatible routes."""
    endpoint = Endpoint.model_validate({"name": "v", "url": url, "model": "nano", **more})
    request = GenerationRequest(TURNS, 2, max_tokens, 0.0, 1.0, 1)
    async with open_http() as http:
        client = GeneratorClient(http, endpoint, timeout_s=300, key=key, policy=RetryPolicy(2, 0.0, 0.0))
        (samples,) = await client.generate([request])
    assert samples[0].text == samples[1].text
    assert all(sample.num_prompt_tokens > 5 for sample in samples)
    return [sample.num_tokens for sample in samples]


@pytest.mark.parametrize("api", ["chat", "completions"])
async def test_its_own_routes_write_and_count(vllm_url: str, api: str) -> None:
    counts = await written(vllm_url, generate_api=api)
    assert all(1 <= count <= 8 for count in counts)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"key": "wrong"}, UpstreamError, "refused the key"),
        ({"model": "nanno"}, UpstreamError, "nanno"),
        ({"max_tokens": 4000}, TooLongError, "shorten the prompt or lower max_tokens"),
    ],
)
async def test_what_its_routes_refuse_is_an_error_of_our_tree(
    vllm_url: str, change: dict[str, str], error: type[PmpoError], says: str
) -> None:
    with pytest.raises(error) as refused:
        await written(vllm_url, **change)
    assert says in str(refused.value)


async def test_a_dead_engine_in_the_process_is_built_anew() -> None:
    """Its engine core is shut down under it: the request fails in a retryable way, and a new one scores the same."""
    build = lambda: chosen("vllm_local", dtype="float32", vllm_eager="true", vllm_cache_gib="1")  # noqa: E731
    machine = await asyncio.to_thread(build)
    preparer = ItemPreparer(machine.engine.identity, remembers=False)
    prepared = preparer.prepare([TokenItem((5, 6, 7, 8), (9, 10)), TokenItem((5, 6, 7), (11,))])
    batcher = Batcher(EngineRoom(build, machine, RestartPolicy()), BatchLimits(4096, 4096), Notes())
    batcher.start()
    try:
        before = [values.tolist() for values in (await batcher.score(prepared, "a")).items.token_log_likelihoods]
        machine.engine._calls._llm.llm_engine.engine_core.shutdown()  # type: ignore[attr-defined]
        del machine
        with pytest.raises(ScorerUnavailableError):
            await batcher.score(prepared, "a")
        while batcher.trouble is not None:
            assert batcher.trouble.retry_after_s is not None, batcher.trouble.reason
            await asyncio.sleep(0.1)
        after = [values.tolist() for values in (await batcher.score(prepared, "a")).items.token_log_likelihoods]
    finally:
        await batcher.close()
    assert batcher.num_restarts == 1
    assert same([*after[0], *after[1]], [*before[0], *before[1]])


def test_a_killed_server_is_survived_by_another_and_used_again_when_it_is_back(
    vllm_server: VllmServer, stand_in: ModelServer, model: PreTrainedModel, caplog: pytest.LogCaptureFixture
) -> None:
    engine = chosen("remote", remote_urls=f"{vllm_server.url},{stand_in.url}", remote_key=KEY).engine
    items = prompt_grid(model, 4, 20)
    expected = sums(engine, items)
    with caplog.at_level(logging.WARNING):
        killer = threading.Timer(0.2, vllm_server.kill)
        killer.start()
        found = sums(engine, items)
        killer.join()
        found_without = sums(engine, items)
    assert same(found, expected)
    assert same(found_without, expected)
    assert f"the model server at {vllm_server.url} is left out for now" in caplog.text
    vllm_server.start()
    vllm_server.wait_until_up()
    stand_in.stop()  # now only the one that came back is left
    try:
        assert same(sums(engine, items), expected)
    finally:
        stand_in.start()
        with httpx.Client(trust_env=False, headers={"authorization": f"Bearer {KEY}"}) as client:
            assert client.get(f"{vllm_server.url}/v1/models").status_code == 200
