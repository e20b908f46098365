"""Batches that fit: budgets, running out of memory, and one batch for what shares a prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, PreTrainedModel

from pmpo.errors import ConfigurationError, EngineError
from services.scorer.engines.base import EngineIdentity, ScoredItems, TokenItem
from services.scorer.engines.torch_tree import TorchTreeEngine, tree
from services.scorer.engines.torch_tree.engine import MIN_BATCH_TOKENS
from services.scorer.engines.torch_tree.memory import Footprint
from tests.conformance.tiny_models import SHAPE, tiny_model

PROMPT = tuple(range(10, 70))


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_model(LlamaConfig(**SHAPE))


def engine_of(model: PreTrainedModel, max_tokens: int = 4096, max_bytes: int | None = None) -> TorchTreeEngine:
    identity = EngineIdentity("tiny", "0", "float32", "torch_tree", "unchecked", 1, 128)
    return TorchTreeEngine(model, identity, max_tokens, max_batch_bytes=max_bytes)


def num_unique(items: Sequence[TokenItem]) -> int:
    inputs = [item.context + item.target[:-1] for item in items]
    return len({row[:end] for row in inputs for end in range(1, len(row) + 1)})


class _Forgetful:
    """A mode that runs out of memory with batches larger than ``fits``."""

    name = "forgetful"

    def __init__(self, fits: int, error: Exception) -> None:
        self.fits = fits
        self.error = error
        self.tried: list[int] = []

    def score(self, items: Sequence[TokenItem], max_tokens: int) -> ScoredItems:
        self.tried.append(max_tokens)
        if max_tokens > self.fits:
            raise self.error
        return ScoredItems(tuple(np.zeros(len(item.target), np.float32) for item in items), (1,) * len(items))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        MemoryError("no memory"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"
        ),
    ],
)
def test_batches_are_halved_until_they_fit(model: PreTrainedModel, error: Exception) -> None:
    engine = engine_of(model)
    mode = engine._mode = _Forgetful(600, error)  # type: ignore[assignment]
    for _ in range(2):
        assert len(engine.score([TokenItem((1, 2), (3,))]).token_log_likelihoods) == 1
    assert mode.tried == [4096, 2048, 1024, 512, 512]  # and stay so
    assert engine.max_batch_tokens == 512


def test_too_little_memory_for_anything_is_told(model: PreTrainedModel) -> None:
    engine = engine_of(model)
    mode = engine._mode = _Forgetful(0, MemoryError("no memory"))  # type: ignore[assignment]
    with pytest.raises(EngineError, match=f"batches of {MIN_BATCH_TOKENS} tokens"):
        engine.score([TokenItem((1, 2), (3,))])
    assert mode.tried[-1] == MIN_BATCH_TOKENS


def test_other_failures_are_not_tried_again(model: PreTrainedModel) -> None:
    engine = engine_of(model)
    mode = engine._mode = _Forgetful(0, RuntimeError("shape mismatch"))  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="shape mismatch"):
        engine.score([TokenItem((1, 2), (3,))])
    assert mode.tried == [4096]


def test_memory_limits_the_batch(model: PreTrainedModel) -> None:
    footprint = Footprint.of(model)
    wanted = footprint.num_bytes(500)
    assert engine_of(model, max_bytes=wanted).max_batch_tokens == 500
    assert engine_of(model, max_tokens=200, max_bytes=wanted).max_batch_tokens == 200
    least = -(-footprint.num_bytes(MIN_BATCH_TOKENS) // 2**20)
    with pytest.raises(ConfigurationError, match=rf"PMPO_SCORER_BATCH_MIB=1 is too small.*at least {least}"):
        engine_of(model, max_bytes=2**20)


def test_peak_memory_is_that_of_the_process(model: PreTrainedModel) -> None:
    assert 50 * 2**20 < engine_of(model).peak_memory_bytes < 2**40


def test_how_often_the_output_layer_runs_does_not_matter(
    model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [TokenItem((*PROMPT, first), (8, 9, first)) for first in range(9)]
    at_the_end = engine_of(model, 64).score(items).token_log_likelihoods
    monkeypatch.setattr(tree, "BLOCK_ROWS", 1)
    after_every_batch = engine_of(model, 64).score(items).token_log_likelihoods
    for pair in zip(at_the_end, after_every_batch, strict=True):
        assert np.allclose(*pair, rtol=0, atol=1e-6)


def test_no_items_no_scores(model: PreTrainedModel) -> None:
    assert engine_of(model).score([]) == ScoredItems((), ())


@pytest.mark.parametrize(
    ("kind", "items"),
    [
        ("variants", [TokenItem((1, *PROMPT[:cut], *PROMPT[cut + 5 :], 7), (8, 9)) for cut in range(0, 60, 20)]),
        ("pairs", [TokenItem(PROMPT, target) for target in ((5, 6, 7), (5, 8, 9))]),
        ("options", [TokenItem(PROMPT, (token,)) for token in range(4)]),
    ],
)
def test_what_shares_a_beginning_runs_it_once(model: PreTrainedModel, kind: str, items: list[TokenItem]) -> None:
    """Masked variants share what is before the mask, pairs and options their context."""
    computed = sum(engine_of(model).score(items).computed_tokens)
    unique, apart = num_unique(items), sum(item.num_tokens for item in items)
    assert computed - unique < 16  # a saving that small is not worth a branch
    assert computed < 0.9 * apart
    if kind == "options":
        assert computed == len(PROMPT)
