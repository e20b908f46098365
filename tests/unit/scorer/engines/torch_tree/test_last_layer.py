"""The last layer's feed-forward network runs where something is predicted, and only there."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, PreTrainedModel

from services.scorer.engines.base import TokenItem
from services.scorer.engines.torch_tree import TorchTreeEngine
from services.scorer.engines.torch_tree.last_layer import feeding_forward_at
from tests.conformance.tiny_models import SHAPE, tiny_model
from tests.unit.scorer.engines.torch_tree.test_engine import engine_of

IDS = torch.arange(20)[None]
ROWS = torch.tensor([3, 4, 17])


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_model(LlamaConfig(**SHAPE))


def hidden_of(model: PreTrainedModel) -> torch.Tensor:
    with torch.inference_mode():
        hidden: torch.Tensor = model.base_model(input_ids=IDS, use_cache=False).last_hidden_state[0]
    return hidden


def test_the_rows_are_as_without_it_and_the_others_are_not_run(model: PreTrainedModel) -> None:
    whole = hidden_of(model)
    with feeding_forward_at(ROWS, model):
        found = hidden_of(model)
    assert torch.allclose(found[ROWS], whole[ROWS], rtol=0, atol=1e-6)
    others = [row for row in range(IDS.shape[1]) if row not in ROWS]
    assert not torch.isclose(found[others], whole[others], rtol=0, atol=1e-6).all(1).any()


def test_the_model_is_as_before_also_after_a_failure(model: PreTrainedModel) -> None:
    whole = hidden_of(model)
    with pytest.raises(KeyError), feeding_forward_at(ROWS, model):
        raise KeyError
    assert torch.equal(hidden_of(model), whole)


def test_the_engine_runs_as_many_rows_as_it_predicts_from(model: PreTrainedModel) -> None:
    engine: TorchTreeEngine = engine_of(model)
    num_rows: list[int] = []
    last = model.base_model.layers[-1].mlp.gate_proj
    handle = last.register_forward_hook(lambda _, inputs, output: num_rows.append(inputs[0].shape[1]))
    try:
        engine.score([TokenItem((*range(30), place), (7, 8, place)) for place in range(5)])
    finally:
        handle.remove()
    assert sum(num_rows) == 5 * 3
