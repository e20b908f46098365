"""The forward pass of training against the model that ships it."""

import pytest
import torch
from torch import Tensor
from transformers import Qwen3ForCausalLM

from nano_training.forward import hidden_states
from nano_training.model import ModelShape, build_model

SHAPE = ModelShape(width=32, mlp_width=48, num_layers=2, num_heads=4, num_kv_heads=2, head_width=8)


@pytest.fixture(scope="module")
def model() -> Qwen3ForCausalLM:
    return build_model(SHAPE, 50, seed=1).eval()


@pytest.fixture(scope="module")
def ids() -> Tensor:
    return torch.randint(3, 50, (3, 20), generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_it_equals_the_slow_formula(model: Qwen3ForCausalLM, ids: Tensor) -> None:
    expected = model.model(input_ids=ids).last_hidden_state
    assert torch.allclose(hidden_states(model, ids, torch.float32), expected, atol=2e-5)


@torch.no_grad()
def test_bf16_is_near_it(model: Qwen3ForCausalLM, ids: Tensor) -> None:
    expected = model.model(input_ids=ids).last_hidden_state
    difference = hidden_states(model, ids, torch.bfloat16).float() - expected
    assert difference.abs().mean() < 0.02 * expected.abs().mean()


@torch.no_grad()
def test_a_position_does_not_see_later_ones(model: Qwen3ForCausalLM, ids: Tensor) -> None:
    changed = ids.clone()
    changed[:, 10:] = 3
    first, second = (hidden_states(model, rows, torch.float32)[:, :10] for rows in (ids, changed))
    assert torch.equal(first, second)


def test_gradients_are_those_of_the_slow_formula(model: Qwen3ForCausalLM, ids: Tensor) -> None:
    gradients = []
    for fast in (True, False):
        model.zero_grad()
        hidden = hidden_states(model, ids, torch.float32) if fast else model.model(input_ids=ids).last_hidden_state
        hidden.square().mean().backward()
        gradients.append([param.grad.clone() for param in model.parameters() if param.grad is not None])
    for mine, theirs in zip(*gradients, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)
    model.zero_grad()
