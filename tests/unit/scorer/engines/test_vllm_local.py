"""vLLM's documented shapes, replayed: a GPU's suffix scoring cannot run here. The real vLLM: tests/vllm."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from pmpo.errors import ConfigurationError, EngineError
from pmpo.runtime.settings import load_settings
from services.scorer.engines.base import EngineIdentity, TokenItem
from services.scorer.engines.vllm_local.calls import Mode, VllmCalls
from services.scorer.engines.vllm_local.engine import VllmLocalEngine
from services.scorer.engines.vllm_local.loading import engine_options, load_vllm
from services.scorer.engines.vllm_local.memory import share_of_gpu
from services.scorer.model_source import ModelSource

PROMPT = tuple(range(64, 84))
BLOCK = 16  # vLLM's own
Replay = Callable[[np.ndarray, bool], np.ndarray]


def num_shared(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))


class ReplayedVllm:
    """``LLM.generate`` in vLLM's documented shapes; ``change(scores, is_cached)`` may spoil them."""

    def __init__(self, model: PreTrainedModel, has_suffix: bool = True, change: Replay = lambda s, _: s) -> None:
        self.model = model
        self.has_suffix = has_suffix
        self.change = change
        self.cached: list[tuple[int, ...]] = []
        self.params: list[dict[str, Any]] = []

    def make_params(self, **params: Any) -> dict[str, Any]:
        if "prompt_logprob_token_ids" in params and not self.has_suffix:
            raise TypeError("Unexpected keyword argument 'prompt_logprob_token_ids'")
        return params

    def generate(self, prompts: Any, sampling_params: Any, *, use_tqdm: bool, lora_request: Any) -> list[Any]:
        return [
            self._answer(tuple(prompt["prompt_token_ids"]), params)
            for prompt, params in zip(prompts, sampling_params, strict=True)
        ]

    def _answer(self, ids: tuple[int, ...], params: dict[str, Any]) -> Any:
        self.params.append(params)
        with torch.no_grad():
            logits = self.model(torch.tensor([ids]), use_cache=False).logits[0].double()
        rows = logits.log_softmax(-1).numpy()
        token = int(rows[-1].argmax())
        written = SimpleNamespace(
            token_ids=[token], finish_reason="length", logprobs=[{token: SimpleNamespace(logprob=rows[-1, token])}]
        )
        answer = SimpleNamespace(
            prompt_logprobs=None, prompt_token_id_logprobs=None, num_cached_tokens=0, outputs=[written]
        )
        if "prompt_logprobs" in params:
            known = [{each: SimpleNamespace(logprob=rows[i, each])} for i, each in enumerate(ids[1:])]
            answer.prompt_logprobs = [None, *known]
        if "prompt_logprob_token_ids" in params:
            self._suffix(answer, ids, params, rows)
        return answer

    def _suffix(self, answer: Any, ids: tuple[int, ...], params: dict[str, Any], rows: np.ndarray) -> None:
        start, tokens = params["prompt_logprob_start"], params["prompt_logprob_token_ids"]
        assert tokens.dtype == np.int32
        if not params["skip_reading_prefix_cache"]:
            shared = [num_shared(ids, old) for old in self.cached]
            answer.num_cached_tokens = min(max(shared, default=0), len(ids) - 1) // BLOCK * BLOCK
        self.cached.append(ids)
        if answer.num_cached_tokens <= start:
            scores = np.take_along_axis(rows[start : start + len(tokens)], tokens.astype(int), axis=1)
            answer.prompt_token_id_logprobs = self.change(scores.astype(np.float32), answer.num_cached_tokens > 0)


def engine_on(llm: ReplayedVllm) -> VllmLocalEngine:
    identity = EngineIdentity("m", "0", "float32", "vllm_local", "", 1, 255)
    return VllmLocalEngine(VllmCalls(llm, llm.make_params), identity)


def slow(model: PreTrainedModel, item: TokenItem) -> list[float]:
    with torch.no_grad():
        logits = model(torch.tensor([item.context + item.target]), use_cache=False).logits[0].double()
    rows = logits.log_softmax(-1)[len(item.context) - 1 : -1]
    return [float(row[token]) for row, token in zip(rows, item.target, strict=True)]


@pytest.mark.parametrize(("has_suffix", "mode"), [(True, "vllm_suffix"), (False, "vllm_prompt_logprobs")])
def test_both_modes_give_the_models_values(tiny_model: PreTrainedModel, has_suffix: bool, mode: str) -> None:
    engine = engine_on(ReplayedVllm(tiny_model, has_suffix))
    assert engine.identity.mode == mode
    engine.self_check()
    items = [TokenItem((*PROMPT, 70 + n), (65, 66, 67 + n)) for n in range(4)]
    for item, values in zip(items, engine.score(items).token_log_likelihoods, strict=True):
        assert values.tolist() == pytest.approx(slow(tiny_model, item), abs=1e-4)


def test_cached_tokens_are_told_as_not_computed(tiny_model: PreTrainedModel) -> None:
    engine = engine_on(ReplayedVllm(tiny_model))
    items = [TokenItem((*PROMPT, 70 + n), (65, 66)) for n in range(4)]
    assert sum(engine.score([*items, *items]).computed_tokens) == 23 + 3 * (23 - 16)


def test_an_item_that_the_cache_swallowed_is_asked_for_without_it(tiny_model: PreTrainedModel) -> None:
    llm = ReplayedVllm(tiny_model)
    engine = engine_on(llm)
    engine.score([TokenItem(PROMPT, (65, 66))])
    num_before = len(llm.params)
    item = TokenItem(PROMPT[:6], PROMPT[6:])  # all of it is in the cache
    (values,) = engine.score([item]).token_log_likelihoods
    assert values.tolist() == pytest.approx(slow(tiny_model, item), abs=1e-4)
    assert [params["skip_reading_prefix_cache"] for params in llm.params[num_before:]] == [False, True]


def test_a_warm_cache_that_changes_the_numbers_decides_for_the_slow_mode(
    tiny_model: PreTrainedModel, caplog: pytest.LogCaptureFixture
) -> None:
    engine = engine_on(ReplayedVllm(tiny_model, change=lambda scores, is_cached: scores - 0.5 * is_cached))
    assert engine.identity.mode == "vllm_prompt_logprobs"
    assert "with a warm prefix cache" in caplog.text


def test_scores_of_another_shape_are_not_used(tiny_model: PreTrainedModel, caplog: pytest.LogCaptureFixture) -> None:
    engine = engine_on(ReplayedVllm(tiny_model, change=lambda scores, _: scores[:-1]))
    assert engine.identity.mode == "vllm_prompt_logprobs"
    assert "its suffix scoring is broken" in caplog.text


def test_prompt_rows_of_other_tokens_are_refused() -> None:
    row = {9: SimpleNamespace(logprob=-1.0)}
    output = SimpleNamespace(prompt_logprobs=[None, row, row], num_cached_tokens=0, outputs=[])
    llm = SimpleNamespace(generate=lambda *args, **more: [output])
    with pytest.raises(EngineError, match="other tokens than it was sent"):
        VllmCalls(llm, dict).score([TokenItem((1, 2), (3,))], Mode.PROMPT)


@pytest.mark.parametrize(
    ("rows", "words"), [(None, "none of 3"), ([None, {2: SimpleNamespace(logprob=-1.0)}], "2 of 3")]
)
def test_absent_and_short_prompt_rows_are_refused(rows: Any, words: str) -> None:
    output = SimpleNamespace(prompt_logprobs=rows, num_cached_tokens=0, outputs=[])
    llm = SimpleNamespace(generate=lambda *args, **more: [output])
    with pytest.raises(EngineError, match=f"vLLM gave {words} prompt log-probabilities"):
        VllmCalls(llm, dict).score([TokenItem((1, 2), (3,))], Mode.PROMPT)


def test_nan_from_suffix_scoring_decides_for_the_slow_mode(tiny_model: PreTrainedModel) -> None:
    engine = engine_on(ReplayedVllm(tiny_model, change=lambda scores, _: scores * np.nan))
    assert engine.identity.mode == "vllm_prompt_logprobs"
    engine.self_check()


def test_a_model_that_gives_nan_does_not_pass_its_check(tiny_model: PreTrainedModel) -> None:
    broken = copy.deepcopy(tiny_model)
    broken.get_output_embeddings().weight.data.fill_(math.nan)
    with pytest.raises(EngineError, match="vLLM's scores of m are no log-probabilities"):
        engine_on(ReplayedVllm(broken)).self_check()


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vllm is installed here")
def test_where_vllm_is_not_installed_the_start_says_what_to_do(source: ModelSource) -> None:
    with pytest.raises(ConfigurationError, match=r"needs vllm in this environment .* see docs/engines\.md"):
        load_vllm(load_settings({"PMPO_SCORER_ENGINE": "vllm_local"}), source)


def test_memory_for_log_probabilities_is_kept_free() -> None:
    assert share_of_gpu(0.9, 80 * 10**9, 8192, 151_936) == pytest.approx(0.9 - 8192 * 151_936 * 6 / 80e9)
    with pytest.raises(ConfigurationError, match="lower PMPO_SCORER_MAX_BATCH_TOKENS"):
        share_of_gpu(0.9, 8 * 10**9, 8192, 151_936)


def test_options_reach_vllm() -> None:
    given = {"TENSOR_PARALLEL": "2", "QUANTIZATION": "awq", "LORA": "adapter", "MAX_MODEL_LEN": "512", "CACHE_GIB": "2"}
    settings = load_settings({f"PMPO_SCORER_VLLM_{name}": value for name, value in given.items()})
    options = engine_options(settings, ModelSource("m", "m", is_local=True), 100, None)
    assert (options["tensor_parallel_size"], options["quantization"], options["enable_lora"]) == (2, "awq", True)
    assert (options["max_model_len"], options["kv_cache_memory_bytes"]) == (512, 2 * 2**30)
    assert options["hf_overrides"] == {"head_dtype": "float32"}
    assert not options["trust_remote_code"]
