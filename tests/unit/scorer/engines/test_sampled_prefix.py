"""The experiment that estimates: what it sends, what its numbers mean, and that it never passes its cap."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from pmpo.errors import BudgetTooSmallError, ConfigurationError, ScorerUnavailableError, UpstreamError
from services.scorer.engines.base import TokenItem
from services.scorer.engines.remote.fleet import Fleet, Server
from services.scorer.engines.remote.session import Session, no_check
from services.scorer.engines.remote.transport import Access
from services.scorer.engines.sampled_prefix import NUM_LISTED, Cost, SampledPrefixEngine, bound_nats, read_listed
from services.scorer.rendering.codec import TextCodec
from tests.unit.scorer.engines.conftest import QUICK

PROMPT = tuple(range(64, 84))
PATH = "/v1/completions"


@pytest.fixture
def estimating(codec: TextCodec) -> Callable[..., SampledPrefixEngine]:
    def make(url: str, max_calls: int = 50) -> SampledPrefixEngine:
        fleet, access = Fleet([Server(url)], 4), Access(None, 10.0)
        return SampledPrefixEngine(lambda: Session(fleet, access, QUICK, no_check), "m", max_calls, 255, codec)

    return make


def rows(model: PreTrainedModel, item: TokenItem) -> np.ndarray:
    with torch.no_grad():
        logits = model(torch.tensor([item.context + item.target]), use_cache=False).logits[0].double()
    return logits.log_softmax(-1)[len(item.context) - 1 : -1].numpy()


def likely_item(model: PreTrainedModel, num_tokens: int) -> TokenItem:
    """A target of tokens that are among the likeliest."""
    target: tuple[int, ...] = ()
    for place in range(num_tokens):
        row = rows(model, TokenItem(PROMPT, (*target, 0)))[-1]
        target = (*target, int(np.argsort(-row)[place % 5]))
    return TokenItem(PROMPT, target)


def test_listed_tokens_have_the_models_own_values(make_server, estimating, tiny_model: PreTrainedModel) -> None:
    item = likely_item(tiny_model, 4)
    engine = estimating(make_server("llama_cpp").url)
    (values,) = engine.score([item]).token_log_likelihoods
    slow = rows(tiny_model, item)[range(4), item.target]
    assert values.dtype == np.float32
    assert values.tolist() == pytest.approx(slow.tolist(), abs=1e-4)


def test_a_token_off_the_list_counts_with_no_less_than_its_own(
    make_server, estimating, tiny_model: PreTrainedModel
) -> None:
    row = rows(tiny_model, TokenItem(PROMPT, (0,)))[0]
    order = np.argsort(-row)
    items = [TokenItem(PROMPT, (int(token),)) for token in order[NUM_LISTED : NUM_LISTED + 5]]
    found = estimating(make_server("llama_cpp").url).score(items).token_log_likelihoods
    for item, values in zip(items, found, strict=True):
        assert row[item.target[0]] - 1e-4 <= values[0] <= row[order[NUM_LISTED - 1]] + 1e-4


def test_every_answer_is_marked_as_an_estimate(make_server, estimating) -> None:
    identity = estimating(make_server("llama_cpp").url).identity
    assert identity.is_estimate
    assert (identity.engine, identity.mode) == ("sampled_prefix", "estimate_from_top_log_probabilities")


def test_the_cost_is_known_before_and_is_what_is_sent(make_server, estimating) -> None:
    server = make_server("llama_cpp")
    engine = estimating(server.url)
    items = [TokenItem(PROMPT, (70, 71, 72)), TokenItem(PROMPT, (70, 71, 73)), TokenItem((*PROMPT, 70), (71,))]
    assert engine.cost(items) == Cost(3, 20 + 21 + 22)  # shared prefixes are asked for once
    assert server.num_asked(PATH) == 0
    assert sum(engine.score(items).computed_tokens) == 63
    assert server.num_asked(PATH) == 3
    assert engine.cost(items) == Cost(0, 0)


def test_nothing_is_sent_beyond_the_cap(make_server, estimating) -> None:
    server = make_server("llama_cpp")
    engine = estimating(server.url, max_calls=3)
    engine.score([TokenItem(PROMPT, (70, 71))])
    with pytest.raises(BudgetTooSmallError, match="takes 2 calls with 39 prompt tokens, and 1 calls are left"):
        engine.score([TokenItem(PROMPT[::-1], (70,)), TokenItem(PROMPT[1:], (70,))])
    assert server.num_asked(PATH) == 2
    engine.score([TokenItem(PROMPT[::-1], (70,))])
    assert server.num_asked(PATH) == 3


def test_a_server_without_log_probabilities_is_refused(make_server, estimating) -> None:
    def without(path, body, answer):
        answer["choices"][0]["logprobs"] = None
        return answer

    engine = estimating(make_server("llama_cpp", change=without).url)
    with pytest.raises(ConfigurationError, match=r"has no choices\.0\.logprobs; use a server that gives logprobs"):
        engine.self_check()


def test_a_model_that_the_server_does_not_have_ends_the_start(make_server, estimating) -> None:
    engine = estimating(make_server("llama_cpp", name="another").url)
    with pytest.raises(ScorerUnavailableError, match="The model `m` does not exist"):
        engine.self_check()


def test_lists_by_text_are_read_too() -> None:
    answer = {"choices": [{"logprobs": {"top_logprobs": [{" a": -0.5, "b": -1.5}]}}]}
    assert read_listed(answer) == {" a": -0.5, "b": -1.5}


@pytest.mark.parametrize("value", [2.0, "x", math.nan])
def test_a_list_of_something_else_is_refused(value) -> None:
    with pytest.raises(UpstreamError):
        read_listed({"choices": [{"logprobs": {"top_logprobs": [{"a": value}]}}]})


def test_the_bound_is_the_least_listed_or_what_is_left() -> None:
    assert bound_nats([math.log(0.5), math.log(0.1)]) == pytest.approx(math.log(0.1))
    assert bound_nats([math.log(0.5), math.log(0.45)]) == pytest.approx(math.log(0.05))
    assert math.isfinite(bound_nats([0.0]))
