"""The output layer in blocks gives the log-probabilities that all logits at once would."""

from __future__ import annotations

import pytest
import torch

from services.scorer.engines.torch_tree import head
from services.scorer.engines.torch_tree.head import OutputLayer

NUM_TOKENS, WIDTH, NUM_ROWS = 301, 24, 13


def slow_log_probabilities(
    layer: OutputLayer, hidden: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    logits = hidden.double() @ layer.weight.double().t()
    logits = (logits if layer.bias is None else logits + layer.bias.double()) * layer.factor
    if layer.softcap is not None:
        logits = layer.softcap * torch.tanh(logits / layer.softcap)
    return logits.log_softmax(-1)[rows, tokens]


def random_layer(dtype: torch.dtype, has_bias: bool, factor: float, softcap: float | None) -> OutputLayer:
    torch.manual_seed(0)
    bias = torch.randn(NUM_TOKENS).to(dtype) if has_bias else None
    return OutputLayer(torch.randn(NUM_TOKENS, WIDTH).to(dtype), bias, factor, softcap)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("made", [(False, 1.0, None), (True, 0.25, None), (True, 2.0, 9.0)])
@pytest.mark.parametrize("block", [7, 64, 4096])
def test_blocks_change_nothing(
    dtype: torch.dtype, made: tuple[bool, float, float | None], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = random_layer(dtype, *made)
    hidden = (3 * torch.randn(NUM_ROWS, WIDTH)).to(dtype)
    rows, tokens = torch.randint(NUM_ROWS, (200,)), torch.randint(NUM_TOKENS, (200,))
    for limit in ("BLOCK_ROWS", "BLOCK_TOKENS"):
        monkeypatch.setattr(head, limit, block)
    monkeypatch.setattr(head, "MAX_PAIR_BYTES", 8 * WIDTH * block)
    found = layer.log_probabilities(hidden, rows, tokens)
    assert found.dtype == torch.float32
    expected = slow_log_probabilities(layer, hidden, rows, tokens)
    assert torch.allclose(found.double(), expected, rtol=0, atol=2e-5)  # also over bfloat16: sums are float32


def test_a_certain_token_has_probability_one_and_no_more() -> None:
    layer = OutputLayer(torch.eye(4).repeat_interleave(8, 1), None, 100.0, None)
    hidden = torch.rand(500, 4).repeat_interleave(8, 1) + torch.eye(4).repeat(125, 1).repeat_interleave(8, 1)
    tokens = torch.arange(500) % 4
    found = layer.log_probabilities(hidden, torch.arange(500), tokens)
    assert (found <= 0).all()
    assert (found > -1e-3).sum() > 100


def test_what_is_no_number_stays_none() -> None:
    layer = random_layer(torch.float32, False, 1.0, None)
    hidden = torch.randn(3, WIDTH)
    hidden[1] = torch.nan
    layer.weight[5] = torch.inf
    found = layer.log_probabilities(hidden, torch.tensor([0, 1, 2]), torch.tensor([3, 3, 5]))
    assert not found.isfinite().any()


def test_the_setting_of_products_is_as_before() -> None:
    before = torch.backends.mkldnn.matmul.fp32_precision
    layer = random_layer(torch.bfloat16, False, 1.0, None)
    layer.log_probabilities(torch.randn(3, WIDTH).bfloat16(), torch.tensor([0]), torch.tensor([1]))
    assert torch.backends.mkldnn.matmul.fp32_precision == before
