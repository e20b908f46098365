"""One suite for every engine and mode: scores are those of plain transformers scoring, whatever is in the batch.

The slow formula is written out here again, independent of the engines: one sequence at a time, all logits, float64.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from services.scorer.engines.base import Engine, EngineIdentity, TokenItem
from services.scorer.engines.torch_tree import TorchTreeEngine
from tests.conformance.tiny_models import Architecture, architectures, tiny_model

SUM_TOLERANCE_NATS = 1e-4
BF16_TOKEN_TOLERANCE_NATS = 5e-2
BF16_MEAN_TOLERANCE_NATS = 1e-2
NANO = Path(__file__).parents[2] / "models" / "nano"
MakeEngine: TypeAlias = Callable[[int], Engine]


def torch_tree(model: PreTrainedModel, max_batch_tokens: int, mode: str | None = None) -> TorchTreeEngine:
    length = model.config.max_position_embeddings
    dtype = str(model.dtype).removeprefix("torch.")
    identity = EngineIdentity("test", "0", dtype, "torch_tree", "unchecked", model.num_parameters(), length)
    return TorchTreeEngine(model, identity, max_batch_tokens, mode)


def external_folders() -> list[Path]:
    root = os.environ.get("PMPO_TEST_MODELS_DIR")
    return sorted(path.parent for path in Path(root).glob("*/config.json")) if root else []


def cases() -> Iterator[tuple[str, str | None]]:
    """Every model with every mode that suits it; of saved models the mode that the engine chooses."""
    for name, architecture in architectures().items():
        for mode in architecture.modes:
            yield name, mode
    for folder in [NANO, *external_folders()]:
        yield str(folder), None


def loaded(name: str) -> PreTrainedModel:
    if name in architectures():
        return tiny_model(architectures()[name].config)
    if not any(Path(name).glob("*.safetensors")):
        pytest.skip(f"{name} has no weights")
    return AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, local_files_only=True).eval()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=cases(), ids=lambda case: "-".join([Path(case[0]).name, case[1] or "chosen"]))
def case(request: pytest.FixtureRequest) -> tuple[PreTrainedModel, str | None]:
    name, mode = request.param
    return loaded(name), mode


@pytest.fixture
def model(case: tuple[PreTrainedModel, str | None]) -> PreTrainedModel:
    return case[0]


@pytest.fixture
def make_engine(case: tuple[PreTrainedModel, str | None]) -> MakeEngine:
    return lambda max_batch_tokens: torch_tree(case[0], max_batch_tokens, case[1])


def slow_values(model: PreTrainedModel, item: TokenItem) -> np.ndarray:
    """(target tokens,) log-probabilities: a forward pass of this sequence alone, in float64 after the output layer."""
    with torch.no_grad():
        logits = model(torch.tensor([item.context + item.target]), use_cache=False).logits[0].double()
    predicted = logits.log_softmax(-1)[len(item.context) - 1 : -1]
    return predicted.gather(1, torch.tensor(item.target)[:, None])[:, 0].numpy()


def slow_sum(model: PreTrainedModel, item: TokenItem) -> float:
    return float(slow_values(model, item).sum())


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


def test_scores_equal_plain_scoring(model: PreTrainedModel, make_engine: MakeEngine) -> None:
    items = prompt_grid(model, 3, 5) + awkward_items(model)
    found = sums(make_engine(4096), items)
    expected = [slow_sum(model, item) for item in items]
    assert found == pytest.approx(expected, rel=0, abs=SUM_TOLERANCE_NATS)
    assert np.ptp(expected) > 1  # a suite in which all sequences score alike could not fail


def test_token_values_stand_at_their_token(model: PreTrainedModel, make_engine: MakeEngine) -> None:
    items = prompt_grid(model, 1, 3)
    values = make_engine(4096).score(items).token_log_likelihoods[2]
    assert values.dtype == np.float32
    assert values.tolist() == pytest.approx(slow_values(model, items[2]).tolist(), rel=0, abs=SUM_TOLERANCE_NATS)


def test_company_and_order_change_nothing(model: PreTrainedModel, make_engine: MakeEngine) -> None:
    engine = make_engine(4096)
    items = prompt_grid(model, 2, 4) + awkward_items(model)
    together = sums(engine, items)
    alone = [sums(engine, [item])[0] for item in items]
    order = np.random.default_rng(3).permutation(len(items)).tolist()
    shuffled = sums(engine, [items[index] for index in order])
    assert together == pytest.approx(alone, rel=0, abs=SUM_TOLERANCE_NATS)
    assert shuffled == pytest.approx([together[index] for index in order], rel=0, abs=SUM_TOLERANCE_NATS)


@pytest.mark.parametrize("max_batch_tokens", [64, 100])
def test_small_batches_give_the_same_scores(
    model: PreTrainedModel, make_engine: MakeEngine, max_batch_tokens: int
) -> None:
    items = prompt_grid(model, 2, 6) + awkward_items(model)
    small = sums(make_engine(max_batch_tokens), items)
    assert small == pytest.approx(sums(make_engine(4096), items), rel=0, abs=SUM_TOLERANCE_NATS)


def test_same_call_gives_same_bits(model: PreTrainedModel, make_engine: MakeEngine) -> None:
    engine = make_engine(4096)
    items = prompt_grid(model, 2, 3)
    assert sums(engine, items) == sums(engine, items)


def test_shared_and_repeated_tokens_are_computed_once(model: PreTrainedModel, make_engine: MakeEngine) -> None:
    engine = make_engine(4096)
    rng = np.random.default_rng(4)
    prompt = tuple(rng.integers(3, model.config.vocab_size, 48).tolist())
    items = [TokenItem((*prompt, first), (7, 8, 9)) for first in range(3, 9)]
    scored = engine.score([*items, *items])
    shared = len(prompt) + len(items) * 3  # the last target token is never read
    apart = sum(item.num_tokens for item in items)
    assert sum(scored.computed_tokens) == (apart if engine.identity.mode == "padded" else shared)
    assert sum(scored.computed_tokens[len(items) :]) == 0


def test_generation_finds_the_model_as_it_was(model: PreTrainedModel, make_engine: MakeEngine) -> None:
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.no_grad():
        before = model(ids, use_cache=False).logits
        make_engine(4096).score(prompt_grid(model, 1, 2))
        after = model(ids, use_cache=False).logits
    assert torch.equal(before, after)


def test_self_check_passes(make_engine: MakeEngine) -> None:
    make_engine(4096).self_check()


@pytest.mark.parametrize(("name", "architecture"), architectures().items(), ids=architectures())
def test_the_mode_that_shares_most_is_chosen(name: str, architecture: Architecture) -> None:
    assert torch_tree(tiny_model(architecture.config), 4096).identity.mode == architecture.modes[0]


def with_float64_output(model: PreTrainedModel) -> PreTrainedModel:
    """The same model, with an output layer of the same numbers in float64."""
    twin = copy.deepcopy(model)
    head = copy.deepcopy(twin.get_output_embeddings()).double()
    head.register_forward_pre_hook(lambda _, hidden: (hidden[0].double(),))
    twin.set_output_embeddings(head)
    return twin


def bf16_cases() -> list[tuple[str, str]]:
    return [(name, mode) for name, architecture in architectures().items() for mode in architecture.modes]


@pytest.mark.parametrize(("name", "mode"), bf16_cases())
def test_bfloat16_scores_equal_plain_scoring(name: str, mode: str) -> None:
    """Plain scoring in bfloat16, its output layer in float64: what remains is the noise of other batch shapes."""
    model = tiny_model(architectures()[name].config, torch.bfloat16, spread=2.0)
    items = prompt_grid(model, 3, 4) + awkward_items(model)
    found = torch_tree(model, 4096, mode).score(items).token_log_likelihoods
    twin = with_float64_output(model)
    errors = [values - slow_values(twin, item) for values, item in zip(found, items, strict=True)]
    assert max(np.abs(error).max() for error in errors) < BF16_TOKEN_TOLERANCE_NATS
    assert max(abs(error.mean()) for error in errors if len(error) >= 8) < BF16_MEAN_TOLERANCE_NATS
