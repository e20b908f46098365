"""The conformance suite on nano over three engines: the tree, vLLM in this process, vLLM over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from services.bundled import nano_dir
from services.scorer.engines.base import Engine, TokenItem
from services.scorer.engines.choosing import ModelText
from services.scorer.engines.machine import Machine
from services.scorer.generation.types import Generator, RowKey, Sample, SamplingRequest, SamplingRow
from tests.conformance.test_scorer_engines import SUM_TOLERANCE_NATS, awkward_items, prompt_grid, slow_sum, sums
from tests.vllm.conftest import chosen

ENGINES = ("tree", "in_process", "over_http")
BF16_ACROSS_ENGINES_NATS = 5e-2  # a token, mean over the examples
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(500)]


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(nano_dir(), dtype=torch.float32, local_files_only=True).eval()


@pytest.fixture(params=ENGINES)
def both(request: pytest.FixtureRequest) -> Machine:
    found: Machine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def engine(both: Machine) -> Engine:
    return both.engine


def close(found: Sequence[float], expected: Sequence[float]) -> bool:
    return list(found) == pytest.approx(list(expected), rel=0, abs=SUM_TOLERANCE_NATS)


def test_the_engine_says_what_it_is(both: Machine, request: pytest.FixtureRequest) -> None:
    identity = both.engine.identity
    name = {"tree": "torch_tree", "in_process": "vllm_local", "over_http": "remote"}[
        request.node.callspec.params["both"]
    ]
    assert (identity.engine, identity.model, identity.is_estimate) == (name, "nano", False)
    assert identity.context_length >= 2047
    if name != "torch_tree":
        assert identity.mode in ("vllm_prompt_logprobs", "vllm_suffix")


def test_self_check_passes(engine: Engine) -> None:
    engine.self_check()


def test_scores_equal_plain_scoring(engine: Engine, model: PreTrainedModel) -> None:
    items = prompt_grid(model, 3, 5) + awkward_items(model)
    expected = [slow_sum(model, item) for item in items]
    assert close(sums(engine, items), expected)
    assert np.ptp(expected) > 1


def test_token_values_stand_at_their_token(engine: Engine, model: PreTrainedModel) -> None:
    item = prompt_grid(model, 1, 3)[2]
    (values,) = engine.score([item]).token_log_likelihoods
    alone = [
        slow_sum(model, TokenItem(item.context + item.target[:place], item.target[place : place + 1]))
        for place in range(len(item.target))
    ]
    assert values.dtype == np.float32
    assert close(values.tolist(), alone)


def test_company_and_order_change_nothing(engine: Engine, model: PreTrainedModel) -> None:
    items = prompt_grid(model, 2, 3) + awkward_items(model)
    together = sums(engine, items)
    order = np.random.default_rng(3).permutation(len(items)).tolist()
    assert close([sums(engine, [item])[0] for item in items], together)
    assert close(sums(engine, [items[place] for place in order]), [together[place] for place in order])


def test_repeated_items_are_computed_once(engine: Engine, model: PreTrainedModel) -> None:
    items = prompt_grid(model, 1, 3)
    scored = engine.score([*items, *items])
    assert sum(scored.computed_tokens[len(items) :]) == 0
    assert 0 < sum(scored.computed_tokens) <= sum(item.num_tokens for item in items)


def drawn(generator: Generator, request: SamplingRequest) -> list[Sample]:
    """All samples of a request, in order."""
    keys = [RowKey(0, index) for index in range(request.num_samples)]
    ends = generator.turn(set(), [SamplingRow(key, request) for key in keys])
    while len(ends) < len(keys):
        ends += generator.turn(set(), [])
    outcomes = {end.key: end.outcome for end in ends}
    samples = [outcomes[key] for key in keys]
    return [sample for sample in samples if isinstance(sample, Sample)]


def test_greedy_answers_are_those_of_the_tree(both: Machine, tree: Machine, text: ModelText) -> None:
    turn = text.codec.encode(
        "<|im_start|>user\nSort the words.\n\nb, a<|im_end|>\n<|im_start|>assistant\n", literal=False
    )
    request = SamplingRequest(turn, 1, 12, 0.0, 1.0, 0)
    found = drawn(both.generator, request)
    assert len(found) == 1
    assert found == drawn(tree.generator, request)


def test_a_seed_decides_the_samples(both: Machine, text: ModelText) -> None:
    turn = text.codec.encode("<|im_start|>user\nWrite.<|im_end|>\n<|im_start|>assistant\n", literal=False)
    request = SamplingRequest(turn, 2, 8, 1.0, 1.0, 7)
    found = drawn(both.generator, request)
    assert len(found) == 2
    assert found == drawn(both.generator, request)


def test_bfloat16_orders_candidates_as_the_tree_does(text: ModelText) -> None:
    """Losses of candidates, nats a token over four examples: near those of the tree, and in their order."""
    engines = [
        chosen("torch_tree", dtype="bfloat16").engine,
        chosen("vllm_local", dtype="bfloat16", vllm_eager="true", vllm_cache_gib="1").engine,
    ]
    items = candidates(text, num_prompts=24)
    num_tokens = np.array([len(item.target) for item in items]).reshape(24, -1).sum(axis=1)
    on_tree, on_vllm = (-np.array(sums(engine, items)).reshape(24, -1).sum(axis=1) / num_tokens for engine in engines)
    assert np.abs(on_vllm - on_tree).max() < BF16_ACROSS_ENGINES_NATS
    ranks = [losses.argsort().argsort() for losses in (on_tree, on_vllm)]
    assert np.corrcoef(*ranks)[0, 1] > 0.99


def candidates(text: ModelText, num_prompts: int) -> list[TokenItem]:
    """Prompts of random words, each on four examples."""
    rng = np.random.default_rng(5)
    words = "Sort the words by length in capitals as a list with commas and answer in brackets only please".split()
    prompts = [" ".join(rng.choice(words, 3 + num % 9)) for num in range(num_prompts)]
    answers = [("b, a", "a, b"), ("red", "RED"), ("one two", "[one, two]"), ("Paris is big.", "Paris")]
    return [
        TokenItem(
            text.codec.encode(
                f"<|im_start|>system\n{prompt}<|im_end|>\n<|im_start|>user\n{shown}<|im_end|>\n<|im_start|>assistant\n",
                literal=False,
            ),
            text.codec.encode(target, literal=True),
        )
        for prompt in prompts
        for shown, target in answers
    ]
