"""One suite for every engine: its scores are those of plain transformers scoring, whatever is in the batch.

The slow formula is written out here again, independent of the engines: one sequence at a time, all logits, float64.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from services.scorer.engines.base import Engine, EngineIdentity, TokenItem
from services.scorer.engines.torch_tree import TorchTreeEngine

SUM_TOLERANCE_NATS = 1e-4
CONTEXT_LENGTH = 128
NANO = Path(__file__).parents[2] / "models" / "nano"

SHAPE = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT_LENGTH,
}
HALF_SLIDING = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]}


def tiny_configs() -> dict[str, PreTrainedConfig]:
    return {
        "llama": LlamaConfig(**SHAPE),
        "qwen2": Qwen2Config(**SHAPE),
        "qwen3": Qwen3Config(**SHAPE, head_dim=8, tie_word_embeddings=True),
        "gemma3": Gemma3TextConfig(**SHAPE, head_dim=8, query_pre_attn_scalar=8, **HALF_SLIDING),
        "mistral": MistralConfig(**SHAPE, sliding_window=8),
    }


def torch_tree(model: PreTrainedModel, max_batch_tokens: int) -> Engine:
    length = model.config.max_position_embeddings
    identity = EngineIdentity("test", "0", "float32", "torch_tree", "prefix_cache", model.num_parameters(), length)
    return TorchTreeEngine(model, identity, max_batch_tokens)


ENGINES: dict[str, Callable[[PreTrainedModel, int], Engine]] = {"torch_tree": torch_tree}


def external_folders() -> list[Path]:
    root = os.environ.get("PMPO_TEST_MODELS_DIR")
    return sorted(path.parent for path in Path(root).glob("*/config.json")) if root else []


def model_names() -> list[str]:
    external = [str(path) for path in external_folders()] or ["external"]
    return [*tiny_configs(), "nano", *external]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=model_names(), ids=lambda name: Path(name).name)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    name: str = request.param
    if name in tiny_configs():
        torch.manual_seed(0)
        tiny = AutoModelForCausalLM.from_config(tiny_configs()[name], dtype=torch.float32).eval()
        for parameter in tiny.parameters():
            if parameter.dim() > 1:
                parameter.data.mul_(4.0)  # so that predictions differ from position to position
        return tiny
    if name == "external":
        pytest.skip("PMPO_TEST_MODELS_DIR is not set, or holds no model folder")
    folder = NANO if name == "nano" else Path(name)
    if not any(folder.glob("*.safetensors")):
        pytest.skip(f"{folder} has no weights")
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()


@pytest.fixture(params=sorted(ENGINES))
def make_engine(request: pytest.FixtureRequest, model: PreTrainedModel) -> Callable[[int], Engine]:
    return lambda max_batch_tokens: ENGINES[request.param](model, max_batch_tokens)


def slow_sum(model: PreTrainedModel, item: TokenItem) -> float:
    with torch.no_grad():
        logits = model(torch.tensor([item.context + item.target]), use_cache=False).logits[0].double()
    predicted = logits.log_softmax(-1)[len(item.context) - 1 : -1]
    return sum(float(row[token]) for row, token in zip(predicted, item.target, strict=True))


def sums(engine: Engine, items: Sequence[TokenItem]) -> list[float]:
    return [float(values.sum(dtype=np.float64)) for values in engine.score(items).token_log_likelihoods]


def prompt_grid(model: PreTrainedModel, num_prompts: int, num_examples: int) -> list[TokenItem]:
    """Prompts x examples of mixed lengths: what a search sends."""
    rng = np.random.default_rng(1)

    def ids(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.integers(3, model.config.vocab_size, rng.integers(low, high)).tolist())

    prompts = [(1, *ids(20, 50)) for _ in range(num_prompts)]
    examples = [(ids(1, 25), ids(1, 12)) for _ in range(num_examples)]
    return [TokenItem(prompt + shown, target) for prompt in prompts for shown, target in examples]


def awkward_items(model: PreTrainedModel) -> list[TokenItem]:
    """Duplicates, one-token contexts and targets, several targets of one context, targets inside other contexts."""
    rng = np.random.default_rng(2)
    line = tuple(rng.integers(3, model.config.vocab_size, 60).tolist())
    return [
        TokenItem(line[:40], line[40:]),
        TokenItem(line[:1], line[1:30]),
        TokenItem(line[:59], line[59:]),
        *(TokenItem(line[:40], (token,)) for token in (5, 9, 5, line[40])),
        TokenItem(line[:40], line[40:50]),
        TokenItem(line[:40], line[40:]),
        TokenItem((line[3],), (line[4],)),
        TokenItem(line[:30], line[7:19]),
    ]


def test_scores_equal_plain_scoring(model: PreTrainedModel, make_engine: Callable[[int], Engine]) -> None:
    items = prompt_grid(model, 3, 5) + awkward_items(model)
    found = sums(make_engine(4096), items)
    expected = [slow_sum(model, item) for item in items]
    assert found == pytest.approx(expected, rel=0, abs=SUM_TOLERANCE_NATS)
    assert np.ptp(expected) > 1  # a suite in which all sequences score alike could not fail


def test_token_values_stand_at_their_token(model: PreTrainedModel, make_engine: Callable[[int], Engine]) -> None:
    item = prompt_grid(model, 1, 3)[2]
    values = make_engine(4096).score(prompt_grid(model, 1, 3)).token_log_likelihoods[2]
    one_by_one = [
        slow_sum(model, TokenItem(item.context + item.target[:place], item.target[place : place + 1]))
        for place in range(len(item.target))
    ]
    assert values.dtype == np.float32
    assert values.tolist() == pytest.approx(one_by_one, rel=0, abs=SUM_TOLERANCE_NATS)


def test_company_and_order_change_nothing(model: PreTrainedModel, make_engine: Callable[[int], Engine]) -> None:
    engine = make_engine(4096)
    items = prompt_grid(model, 2, 4) + awkward_items(model)
    together = sums(engine, items)
    alone = [sums(engine, [item])[0] for item in items]
    order = np.random.default_rng(3).permutation(len(items)).tolist()
    shuffled = sums(engine, [items[index] for index in order])
    assert together == pytest.approx(alone, rel=0, abs=SUM_TOLERANCE_NATS)
    assert shuffled == pytest.approx([together[index] for index in order], rel=0, abs=SUM_TOLERANCE_NATS)


def test_small_batches_give_the_same_scores(model: PreTrainedModel, make_engine: Callable[[int], Engine]) -> None:
    items = prompt_grid(model, 2, 6) + awkward_items(model)
    assert sums(make_engine(64), items) == pytest.approx(sums(make_engine(4096), items), rel=0, abs=SUM_TOLERANCE_NATS)


def test_same_call_gives_same_bits(model: PreTrainedModel, make_engine: Callable[[int], Engine]) -> None:
    engine = make_engine(4096)
    items = prompt_grid(model, 2, 3)
    assert sums(engine, items) == sums(engine, items)


def test_shared_and_repeated_tokens_are_computed_once(
    model: PreTrainedModel, make_engine: Callable[[int], Engine]
) -> None:
    engine = make_engine(4096)
    rng = np.random.default_rng(4)
    prompt = tuple(rng.integers(3, model.config.vocab_size, 48).tolist())
    items = [TokenItem((*prompt, first), (7, 8, 9)) for first in range(3, 9)]
    scored = engine.score([*items, *items])
    assert sum(scored.computed_tokens) == len(prompt) + len(items) * 3  # the last target token is never read
    assert sum(scored.computed_tokens[len(items) :]) == 0


def test_self_check_passes(make_engine: Callable[[int], Engine]) -> None:
    make_engine(4096).self_check()
