"""The tree engine on a GPU: numpy, torch, transformers and pytest are enough (PYTHONPATH=shared:.).

Float32 is compared with plain scoring to the tolerance of the processor's suite, bfloat16 with plain scoring in
bfloat16 and with float32.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from services.scorer.engines.base import EngineIdentity, TokenItem
from services.scorer.engines.torch_tree import TorchTreeEngine, slow_log_likelihoods
from tests.conformance.tiny_models import CONTEXT_LENGTH, architectures, tiny_model

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use on this machine"),
]
CASES = [(name, mode) for name, architecture in architectures().items() for mode in architecture.modes]


def engine_on_gpu(name: str, mode: str | None, dtype: torch.dtype, max_tokens: int = 4096) -> TorchTreeEngine:
    # heads of 8 numbers are too narrow for the GPU's attention; these have 32
    model = tiny_model(architectures(width=128)[name].config, dtype, spread=2.0).to("cuda")
    identity = EngineIdentity(name, "0", str(dtype), "torch_tree", "unchecked", 1, CONTEXT_LENGTH)
    return TorchTreeEngine(model, identity, max_tokens, mode)


def grid() -> list[TokenItem]:
    rng = np.random.default_rng(0)

    def ids(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.integers(3, 97, rng.integers(low, high)).tolist())

    prompts, examples = [ids(20, 60) for _ in range(4)], [(ids(1, 20), ids(1, 12)) for _ in range(8)]
    return [TokenItem(prompt + shown, target) for prompt in prompts for shown, target in examples]


@pytest.mark.parametrize(("name", "mode"), CASES)
@pytest.mark.parametrize("max_tokens", [4096, 100])
def test_float32_scores_equal_plain_scoring(name: str, mode: str, max_tokens: int) -> None:
    engine = engine_on_gpu(name, mode, torch.float32, max_tokens)
    for item, values in zip(grid(), engine.score(grid()).token_log_likelihoods, strict=True):
        assert abs(float((values - slow_log_likelihoods(engine._model, item)).sum())) < 1e-3


@pytest.mark.parametrize(("name", "mode"), CASES)
@pytest.mark.parametrize("max_tokens", [4096, 100])
def test_bfloat16_scores_are_near_plain_scoring(name: str, mode: str, max_tokens: int) -> None:
    engine = engine_on_gpu(name, mode, torch.bfloat16, max_tokens)
    for item, values in zip(grid(), engine.score(grid()).token_log_likelihoods, strict=True):
        assert np.abs(values - slow_log_likelihoods(engine._model, item)).max() < 0.1


@pytest.mark.parametrize("name", architectures())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_mode_that_shares_most_is_chosen(name: str, dtype: torch.dtype) -> None:
    assert engine_on_gpu(name, None, dtype).identity.mode == architectures()[name].modes[0]


def test_company_does_not_matter_to_the_bit() -> None:
    engine = engine_on_gpu("qwen3", "tree", torch.bfloat16)
    together = engine.score(grid()).token_log_likelihoods
    again = engine.score(grid()).token_log_likelihoods
    assert all(np.array_equal(*pair) for pair in zip(together, again, strict=True))


def test_peak_memory_is_the_gpu_s() -> None:
    engine = engine_on_gpu("llama", None, torch.bfloat16)
    engine.score(grid())
    assert 0 < engine.peak_memory_bytes <= torch.cuda.get_device_properties(0).total_memory
