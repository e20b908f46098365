"""The remote engine over real HTTP: every protocol gives the model's own numbers, and faults are survived or told."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from pmpo.errors import EngineError, NonFiniteScoreError, ScorerUnavailableError, TooLongError, UpstreamError
from services.scorer.batcher.batcher import Batcher
from services.scorer.batcher.engine_room import EngineRoom, RestartPolicy
from services.scorer.batcher.items import ItemPreparer
from services.scorer.batcher.types import BatchLimits
from services.scorer.engines.base import TokenItem, check_finite
from services.scorer.engines.machine import Machine
from services.scorer.engines.remote.connecting import Connected
from services.scorer.engines.remote.dialects.vllm_generate import PATH
from services.scorer.engines.remote.generator import RemoteGenerator
from services.scorer.generation.types import SamplingRequest
from services.scorer.generation.whole import WholeAnswers
from services.scorer.rendering.codec import TextCodec
from tests.model_servers import ModelServer, RefusalError
from tests.unit.scorer.batcher.machines import Notes

Make = Callable[..., ModelServer]
Connect = Callable[..., Connected]
MODES = {
    "vllm": "vllm_prompt_logprobs",
    "vllm_suffix": "vllm_suffix",
    "sglang": "sglang",
    "echo": "completions_echo",
    "vllm_echo": "completions_echo",
    "chat": "vllm_chat",
}


def items(num: int = 6) -> list[TokenItem]:
    """One prompt, several examples; letters, so that text routes give the ids back."""
    rng = np.random.default_rng(0)
    letters = list(range(64, 90))
    prompt = tuple(rng.choice(letters, 20).tolist())
    return [
        TokenItem((*prompt, *rng.choice(letters, 5).tolist()), tuple(rng.choice(letters, 3 + n % 4).tolist()))
        for n in range(num)
    ]


def slow(model: PreTrainedModel, item: TokenItem) -> list[float]:
    with torch.no_grad():
        logits = model(torch.tensor([item.context + item.target]), use_cache=False).logits[0].double()
    rows = logits.log_softmax(-1)[len(item.context) - 1 : -1]
    return [float(row[token]) for row, token in zip(rows, item.target, strict=True)]


def assert_right(model: PreTrainedModel, engine: Any, wanted: list[TokenItem]) -> None:
    found = engine.score(wanted).token_log_likelihoods
    for item, values in zip(wanted, found, strict=True):
        assert values.dtype == np.float32
        assert values.tolist() == pytest.approx(slow(model, item), abs=1e-4)


@pytest.mark.parametrize("flavour", sorted(MODES))
def test_every_protocol_gives_the_models_own_numbers(
    flavour: str, make_server: Make, connected: Connect, tiny_model: PreTrainedModel
) -> None:
    engine = connected(make_server(flavour).url).engine
    assert (engine.identity.engine, engine.identity.mode) == ("remote", MODES[flavour])
    assert engine.identity.context_length == 255
    assert_right(tiny_model, engine, items())
    engine.self_check()


def test_repeated_items_are_sent_once_and_counted_once(make_server: Make, connected: Connect) -> None:
    server = make_server()
    engine = connected(server.url).engine
    before = server.num_asked(PATH)
    wanted = items(3)
    scored = engine.score([*wanted, *wanted])
    assert server.num_asked(PATH) - before == 3
    assert scored.computed_tokens == (*(item.num_tokens for item in wanted), 0, 0, 0)


def test_cached_tokens_count_as_not_computed(
    make_server: Make, connected: Connect, tiny_model: PreTrainedModel
) -> None:
    engine = connected(make_server("vllm_suffix").url, max_calls=1).engine
    wanted = items()
    scored = engine.score(wanted)
    assert sum(scored.computed_tokens) <= sum(item.num_tokens for item in wanted) - 20 * (len(wanted) - 1)
    assert_right(tiny_model, engine, wanted)


def test_an_item_that_the_cache_spoiled_is_asked_for_afresh(
    make_server: Make, connected: Connect, tiny_model: PreTrainedModel
) -> None:
    server = make_server("vllm_suffix")
    engine = connected(server.url, max_calls=1).engine
    (item, *_) = items()
    engine.score([item])
    before = len(server.asked)
    shorter = TokenItem(item.context[:10], item.context[10:] + item.target)  # all of it is in the cache
    assert_right(tiny_model, engine, [shorter])
    skipped = [body["sampling_params"]["skip_reading_prefix_cache"] for _, body in server.asked[before:]]
    assert skipped == [False, True]


def nan_for_the_third_token(path: str, body: Any, answer: Any) -> Any:
    rows = answer.get("prompt_logprobs")
    if rows and len(rows) > 25:
        next(iter(rows[27].values()))["logprob"] = float("nan")
    return answer


def short_rows(path: str, body: Any, answer: Any) -> Any:
    if len(body["token_ids"]) in {28, 29} and answer["prompt_logprobs"]:
        answer["prompt_logprobs"].pop()
    return answer


def positive(path: str, body: Any, answer: Any) -> Any:
    if len(body["token_ids"]) in {28, 29} and answer["prompt_logprobs"]:
        next(iter(answer["prompt_logprobs"][-1].values()))["logprob"] = 1.5
    return answer


def another_form(path: str, body: Any, answer: Any) -> Any:
    return {"prompt_logprobs": [None, *(7 for _ in body["token_ids"][1:])]} if len(body["token_ids"]) == 28 else answer


def test_nan_is_passed_on_for_the_batcher_to_refuse(make_server: Make, connected: Connect) -> None:
    server = make_server()
    engine = connected(server.url).engine
    server.change = nan_for_the_third_token
    scored = engine.score(items(2))
    with pytest.raises(NonFiniteScoreError, match="token 2 of item 0"):
        check_finite(scored.token_log_likelihoods)


def test_minus_infinity_as_vllm_writes_it_is_no_number(make_server: Make, connected: Connect) -> None:
    server = make_server()
    engine = connected(server.url).engine

    def clamped(path: str, body: Any, answer: Any) -> Any:
        next(iter(answer["prompt_logprobs"][-1].values()))["logprob"] = -9999.0
        return answer

    server.change = clamped
    assert np.isnan(engine.score(items(1)).token_log_likelihoods[0][-1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (short_rows, "gave 27 entries for 28 tokens"),
        (positive, "1.5, which is no log-probability"),
        (another_form, "answered for other tokens"),
    ],
)
def test_what_is_no_score_is_refused_with_the_servers_address(
    change: Any, words: str, make_server: Make, connected: Connect
) -> None:
    server = make_server()
    engine = connected(server.url).engine
    server.change = change
    with pytest.raises(UpstreamError, match=f"the model server at {server.url}") as refusal:
        engine.score(items(1))
    assert words in refusal.value.message


def test_an_item_longer_than_the_server_takes_is_named_as_such(make_server: Make, connected: Connect) -> None:
    server = make_server()
    engine = connected(server.url).engine
    server.max_model_len = 20  # less than it said at the start
    with pytest.raises(TooLongError, match="longer than the maximum model length"):
        engine.score(items(1))


def test_a_busy_server_is_asked_again(make_server: Make, connected: Connect, tiny_model: PreTrainedModel) -> None:
    server = make_server()
    engine = connected(server.url).engine
    left = [2]

    def busy(path: str, body: Any, answer: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise RefusalError(429, "slow down", retry_after="0.01")
        return answer

    server.change = busy
    assert_right(tiny_model, engine, items(1))
    assert left == [0]


def test_tries_are_bounded(make_server: Make, connected: Connect) -> None:
    server = make_server()
    engine = connected(server.url).engine
    before = server.num_asked(PATH)

    def broken(path: str, body: Any, answer: Any) -> Any:
        raise RefusalError(500, "out of memory")

    server.change = broken
    with pytest.raises(UpstreamError, match="status 500: out of memory"):
        engine.score(items(1))
    assert server.num_asked(PATH) - before == 3


def test_at_most_so_many_calls_are_under_way_at_a_server(make_server: Make, connected: Connect) -> None:
    server = make_server()
    engine = connected(server.url, max_calls=3).engine
    counting = threading.Lock()
    now, most = [0], [0]

    def slowly(path: str, body: Any, answer: Any) -> Any:
        with counting:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with counting:
            now[0] -= 1
        return answer

    server.change = slowly
    engine.score(items(12))
    assert most[0] <= 3


def test_a_server_that_dies_in_the_middle_and_comes_back_is_survived(
    make_server: Make, connected: Connect, tiny_model: PreTrainedModel
) -> None:
    server = make_server()
    engine = connected(server.url).engine
    dead = threading.Event()

    def die(path: str, body: Any, answer: Any) -> Any:
        dead.set()
        raise ConnectionAbortedError

    def come_back() -> None:
        dead.wait(10)
        server.stop()
        server.change = lambda path, body, answer: answer
        server.start()

    server.change = die
    rescue = threading.Thread(target=come_back)
    rescue.start()
    assert_right(tiny_model, engine, items())
    rescue.join()


def test_a_server_that_stays_away_is_told_as_retryable(make_server: Make, connected: Connect) -> None:
    server = make_server()
    engine = connected(server.url).engine
    server.stop()
    with pytest.raises(ScorerUnavailableError, match=f"no model server answers .*{server.url}") as outage:
        engine.score(items(1))
    assert outage.value.retryable
    engine.self_check()  # nobody to ask is not a wrong answer
    server.start()
    engine.score(items(1))


def test_one_of_three_is_dead_from_the_start(
    make_server: Make, connected: Connect, tiny_model: PreTrainedModel, caplog: pytest.LogCaptureFixture
) -> None:
    servers = [make_server() for _ in range(3)]
    servers[0].stop()
    with caplog.at_level(logging.WARNING):
        engine = connected(*(server.url for server in servers)).engine
    assert_right(tiny_model, engine, items())
    assert all(server.num_asked(PATH) for server in servers[1:])


def test_one_of_three_dies_on_the_way(
    make_server: Make, connected: Connect, tiny_model: PreTrainedModel, caplog: pytest.LogCaptureFixture
) -> None:
    servers = [make_server() for _ in range(3)]
    engine = connected(*(server.url for server in servers)).engine
    servers[1].stop()
    with caplog.at_level(logging.WARNING):
        assert_right(tiny_model, engine, items(24))
    assert f"{servers[1].url} is left out for now" in caplog.text


def test_a_server_that_comes_back_with_another_model_stays_out(
    make_server: Make, connected: Connect, tiny_model: PreTrainedModel, caplog: pytest.LogCaptureFixture
) -> None:
    servers = [make_server() for _ in range(2)]
    engine = connected(*(server.url for server in servers)).engine
    servers[0].stop()
    with caplog.at_level(logging.WARNING):
        engine.score(items(8))
    torch.manual_seed(5)
    other = type(tiny_model)(tiny_model.config).eval()
    for parameter in other.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(4.0)
    servers[0].model = other
    servers[0].start()
    deadline = time.monotonic() + 10
    while not engine._fleet.servers[0].reason.startswith(
        "it serves another model"
    ):  # it is tried when its while is over
        assert time.monotonic() < deadline
        assert_right(tiny_model, engine, items(2))
        time.sleep(0.05)


def test_self_check_fails_when_the_model_has_changed(
    make_server: Make, connected: Connect, tiny_model: PreTrainedModel
) -> None:
    server = make_server()
    engine = connected(server.url).engine
    torch.manual_seed(6)
    server.model = type(tiny_model)(tiny_model.config).eval()
    with pytest.raises(EngineError, match="another model"):
        engine.self_check()


@pytest.mark.parametrize("flavour", sorted(MODES))
def test_samples_are_counted_cut_and_ended(
    flavour: str, make_server: Make, connected: Connect, codec: TextCodec, tiny_model: PreTrainedModel
) -> None:
    end = codec.special_id("<|im_end|>")
    server = make_server(flavour, end_id=end)
    one = connected(server.url)
    generator = RemoteGenerator(one.engine, one.dialect, codec, frozenset({end}))
    prompt = items(1)[0].context
    (greedy,), (*samples,) = generator.generate(
        [SamplingRequest(prompt, 1, 6, 0.0, 1.0, 3), SamplingRequest(prompt, 4, 5, 1.0, 1.0, 3)]
    )
    ids: list[int] = []
    while len(ids) < 6 and end not in ids:
        with torch.no_grad():
            ids.append(int(tiny_model(torch.tensor([[*prompt, *ids]])).logits[0, -1].argmax()))
    assert (greedy.text, greedy.num_tokens) == (codec.decode([i for i in ids if i != end]), len(ids))
    assert greedy.finish_reason == ("stop" if end in ids else "length")
    assert all(1 <= sample.num_tokens <= 5 for sample in samples)
    assert len({sample.text for sample in samples}) > 1


async def test_one_refused_generation_leaves_the_others_alone(
    make_server: Make, connected: Connect, codec: TextCodec
) -> None:
    server = make_server()
    one = await asyncio.to_thread(connected, server.url)
    generator = RemoteGenerator(one.engine, one.dialect, codec, frozenset())
    good, bad = SamplingRequest((70, 71), 1, 2, 0.0, 1.0, 1), SamplingRequest((9999,), 1, 2, 0.0, 1.0, 1)
    answers = await asyncio.to_thread(generator.generate, [bad, good])
    assert isinstance(answers[0], UpstreamError)
    assert "out of vocabulary" in answers[0].message
    assert isinstance(answers[1], tuple)


async def test_requests_during_an_outage_may_be_sent_again_and_the_scorer_stays_open(
    make_server: Make, connected: Connect, codec: TextCodec
) -> None:
    server = make_server()
    one = await asyncio.to_thread(connected, server.url)
    machine = Machine(one.engine, WholeAnswers(RemoteGenerator(one.engine, one.dialect, codec, frozenset())))
    batcher = Batcher(EngineRoom(lambda: machine, machine, RestartPolicy()), BatchLimits(1000, 1000), Notes())
    prepared = ItemPreparer(one.engine.identity, remembers=False).prepare(items(1))
    asked = SamplingRequest(items(1)[0].context, 2, 3, 1.0, 1.0, 3)
    batcher.start()
    server.stop()
    try:
        for outcome in await asyncio.gather(
            batcher.score(prepared, "a"), batcher.sample(asked, "a"), return_exceptions=True
        ):
            assert isinstance(outcome, ScorerUnavailableError)
        assert batcher.trouble is None
        server.start()
        assert len((await batcher.score(prepared, "a")).items.token_log_likelihoods) == 1
        assert len((await batcher.sample(asked, "a")).samples) == 2
        assert batcher.num_restarts == 0
    finally:
        await batcher.close()
