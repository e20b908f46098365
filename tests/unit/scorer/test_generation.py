"""Sampling: draws depend on seed and index alone, greedy is transformers' greedy, answers end where they should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
import torch
from transformers import PreTrainedModel

from pmpo.errors import NonFiniteScoreError, PmpoError
from services.scorer.engines.loading import load_model
from services.scorer.generation.loop import TorchGenerator
from services.scorer.generation.sampling import draw_tokens, random_stream
from services.scorer.generation.types import RowKey, Sample, SamplingRequest, SamplingRow
from services.scorer.model_source import ModelSource
from services.scorer.rendering.codec import TextCodec

NO_END: frozenset[int] = frozenset()


@pytest.fixture(scope="module")
def model(source: ModelSource) -> PreTrainedModel:
    return load_model(source, "float32", 1).model


@pytest.fixture
def generator(model: PreTrainedModel, codec: TextCodec) -> TorchGenerator:
    return TorchGenerator(model, codec, NO_END, max_cached_tokens=10_000)


def asking(codec: TextCodec, text: str, **changes: object) -> SamplingRequest:
    values: dict[str, object] = {"num_samples": 2, "max_tokens": 12, "temperature": 1.0, "top_p": 0.9, "seed": 3}
    return SamplingRequest(prompt=codec.encode(text, literal=True), **{**values, **changes})  # type: ignore[arg-type]


def greedy_ids(model: PreTrainedModel, prompt: tuple[int, ...]) -> list[int]:
    ids = torch.tensor([prompt])
    length = {"min_new_tokens": 12, "max_new_tokens": 12, "eos_token_id": None}
    output = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, **length)
    return output[0, len(prompt) :].tolist()


def rows_of(number: int, request: SamplingRequest) -> list[SamplingRow]:
    return [SamplingRow(RowKey(number, index), request) for index in range(request.num_samples)]


def generate(
    generator: TorchGenerator, requests: Sequence[SamplingRequest], starts: Sequence[int] | None = None
) -> list[tuple[Sample | PmpoError, ...]]:
    """All samples of the requests; request n joins at turn ``starts[n]``, by default at the first."""
    turns = starts or [0] * len(requests)
    found: dict[RowKey, Sample | PmpoError] = {}
    turn = 0
    while len(found) < sum(request.num_samples for request in requests):
        joining = [n for n, start in enumerate(turns) if start == turn]
        for end in generator.turn(set(), [row for n in joining for row in rows_of(n, requests[n])]):
            assert end.key not in found
            found[end.key] = end.outcome
        turn += 1
    return [tuple(found[row.key] for row in rows_of(n, request)) for n, request in enumerate(requests)]


def only(generator: TorchGenerator, request: SamplingRequest) -> tuple[Sample, ...]:
    (answer,) = generate(generator, [request])
    return tuple(sample for sample in answer if isinstance(sample, Sample))


def test_draws_are_the_same_alone_and_in_company(generator: TorchGenerator, codec: TextCodec) -> None:
    requests = [
        asking(codec, "one short"),
        asking(codec, "one rather longer prompt", seed=4, max_tokens=20),
        asking(codec, "one short", seed=5, temperature=1.7, top_p=1.0),
        asking(codec, "x", num_samples=3, temperature=0.0),
    ]
    together = generate(generator, requests)
    assert together == [only(generator, request) for request in requests]
    assert together[0] != together[2]


def test_samples_do_not_depend_on_how_many_are_asked(generator: TorchGenerator, codec: TextCodec) -> None:
    few, many = (only(generator, asking(codec, "abc", num_samples=number)) for number in (2, 5))
    assert many[:2] == few
    assert len({sample.text for sample in many}) > 1


def test_rows_that_join_a_running_batch_draw_what_they_draw_alone(generator: TorchGenerator, codec: TextCodec) -> None:
    requests = [
        asking(codec, "one short", max_tokens=20),
        asking(codec, "a prompt that is longer than all that has been drawn so far", seed=4, max_tokens=9),
        asking(codec, "x", seed=5, num_samples=3, max_tokens=15),
        asking(codec, "one short", seed=6, temperature=0.0),
    ]
    assert generate(generator, requests, [0, 5, 7, 11]) == [only(generator, request) for request in requests]


def test_rows_that_leave_do_not_change_the_others(generator: TorchGenerator, codec: TextCodec) -> None:
    gone, stays = asking(codec, "a prompt that is much longer", num_samples=3), asking(codec, "abc", seed=8)
    expected = only(generator, stays)
    assert generator.turn(set(), [*rows_of(0, gone), *rows_of(1, stays)]) == []
    ends = generator.turn({row.key for row in rows_of(0, gone)}, [])
    while len(ends) < 2:
        ends += generator.turn(set(), [])
    assert {end.key: end.outcome for end in ends} == dict(
        zip([row.key for row in rows_of(1, stays)], expected, strict=True)
    )


def test_nothing_is_left_after_clear_and_after_the_last_row(generator: TorchGenerator, codec: TextCodec) -> None:
    assert generator.turn(set(), rows_of(0, asking(codec, "abc"))) == []
    generator.clear()
    assert generator.turn(set(), []) == []
    assert len(generator.turn(set(), rows_of(1, asking(codec, "abc", max_tokens=1)))) == 2
    assert generator.turn(set(), []) == []


def test_greedy_equals_transformers(model: PreTrainedModel, generator: TorchGenerator, codec: TextCodec) -> None:
    prompts = ["one short", "a rather longer prompt", "x"]
    found = generate(generator, [asking(codec, text, num_samples=1, temperature=0.0) for text in prompts])
    for text, answer in zip(prompts, found, strict=True):
        expected = greedy_ids(model, codec.encode(text, literal=True))
        assert answer == (Sample(codec.decode(expected), 12, "length"),)


def test_end_token_ends_and_is_counted_but_not_shown(model: PreTrainedModel, codec: TextCodec) -> None:
    request = asking(codec, "abc", num_samples=1, temperature=0.0)
    ids = greedy_ids(model, request.prompt)
    end = next(token for place, token in enumerate(ids) if place and token not in ids[:place])
    place = ids.index(end)
    (stopped,) = only(TorchGenerator(model, codec, frozenset({end}), 10_000), request)
    assert stopped == Sample(codec.decode(ids[:place]), place + 1, "stop")


def test_stop_text_ends_and_is_cut_off(generator: TorchGenerator, codec: TextCodec) -> None:
    (free,) = only(generator, asking(codec, "abc", num_samples=1, seed=11, max_tokens=30))
    stop = free.text[7:10]
    place = free.text.index(stop)
    (stopped,) = only(
        generator, asking(codec, "abc", num_samples=1, seed=11, max_tokens=30, stops=("never there", stop))
    )
    assert stopped.text == free.text[:place]
    assert stopped.finish_reason == "stop"
    assert stopped.num_tokens < free.num_tokens
    assert free.finish_reason == "length"
    assert free.num_tokens == 30


def test_rows_that_finish_leave_the_others_untouched(
    model: PreTrainedModel, generator: TorchGenerator, codec: TextCodec
) -> None:
    requests = [asking(codec, "abc", max_tokens=length, seed=length) for length in (1, 3, 9)]
    assert [[sample.num_tokens for sample in only(generator, request)] for request in requests] == [
        [1, 1],
        [3, 3],
        [9, 9],
    ]
    assert generate(generator, requests) == [only(generator, request) for request in requests]


def test_row_without_finite_logits_fails_its_request_only(source: ModelSource, codec: TextCodec) -> None:
    broken = load_model(source, "float32", 1).model
    (bad,) = codec.encode("Q", literal=True)
    with torch.no_grad():
        broken.get_input_embeddings().weight[bad] = float("nan")
    generator = TorchGenerator(broken, codec, NO_END, 10_000)
    answers = generate(generator, [asking(codec, "aQb"), asking(codec, "ab", max_tokens=1)])
    assert [type(outcome) for outcome in answers[0]] == [NonFiniteScoreError] * 2
    assert [type(outcome) for outcome in answers[1]] == [Sample] * 2


def test_draws_follow_the_distribution() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    stream = random_stream(0, 0)
    number = 4_000
    uniforms = [float(stream.random()) for _ in range(number)]
    drawn = draw_tokens(probabilities.log().expand(number, 4), [1.0] * number, [1.0] * number, uniforms)
    counts = Counter(drawn)
    assert [counts[token] / number for token in range(4)] == pytest.approx(probabilities.tolist(), abs=0.03)


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [(0.01, {2}), (0.49, {2}), (0.51, {2, 0}), (0.79, {2, 0}), (0.81, {2, 0, 3}), (1.0, {2, 0, 3, 1})],
)
def test_nucleus_is_the_fewest_likeliest_that_reach_top_p(top_p: float, kept: set[int]) -> None:
    logits = torch.tensor([0.3, 0.05, 0.5, 0.15]).double().log().expand(1_000, 4)
    uniforms = [place / 1_000 for place in range(1_000)]
    assert set(draw_tokens(logits, [1.0] * 1_000, [top_p] * 1_000, uniforms)) == kept


def test_temperature_sharpens_and_zero_is_greedy() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.0]])
    assert draw_tokens(logits, [0.0], [1.0], [0.999999]) == [1]
    assert draw_tokens(logits, [0.01], [1.0], [0.999999]) == [1]
    assert draw_tokens(logits, [1.0], [1.0], [0.999999]) == [2]
    assert draw_tokens(logits, [1.0], [1.0], [0.0]) == [1]


def test_streams_differ_by_seed_and_by_index() -> None:
    firsts = {random_stream(seed, index).random() for seed in (0, 1, 2**63 - 1) for index in (0, 1, 2)}
    assert len(firsts) == 9
    assert random_stream(5, 6).random() == random_stream(5, 6).random()
