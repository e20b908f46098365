"""Bounds and numbers of scores and analyses that somebody waits for."""

from __future__ import annotations

from typing import Any

import pytest

from pmpo.contracts.interactive import AnalyzeCall, ScoreCall
from pmpo.contracts.scoring import MaskedLossesResponse, ScoreResponse
from pmpo.errors import InvalidInputError
from pmpo.runs.interactive import analyze_view, masked_request, score_request, score_view

ROW = {"input": "Oslo!", "target": "Oslo"}
MEASURED = {
    "model": "m", "revision": "r", "dtype": "d", "engine": "e", "scored_tokens": 1, "computed_tokens": 1,
    "timings": {"tokenize_s": 0, "queue_s": 0, "compute_s": 0},
}  # fmt: skip


def score_call(**changes: Any) -> ScoreCall:
    return ScoreCall.model_validate({"prompts": ["Go.", "Stay."], "examples": [ROW, {**ROW, "weight": 3}], **changes})


def test_losses_are_weighted_means_in_nats_per_token() -> None:
    sums, counts = [[-2.0, [-6.0, -1.0]], [-4.0, [-3.0, -1.0]]], [[2, [3, 1]], [2, [3, 1]]]
    answer = ScoreResponse.model_validate({**MEASURED, "log_likelihoods": sums, "num_tokens": counts})
    assert score_view(score_call(), answer).losses == [(1 * 1 + 2 * 3) / 4, (2 * 1 + 1 * 3) / 4]


@pytest.mark.parametrize("weight", [5e-324, 1e-300, 1e9])
def test_only_the_proportion_of_weights_counts(weight: float) -> None:
    sums, counts = [[-2.0, -6.0]] * 2, [[2, 3]] * 2
    answer = ScoreResponse.model_validate({**MEASURED, "log_likelihoods": sums, "num_tokens": counts})
    rows = [{**ROW, "weight": weight}] * 2
    assert score_view(score_call(examples=rows), answer).losses == [1.5, 1.5]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompts": []}, "prompts: give at least one"),
        ({"examples": []}, "examples: give at least one"),
        ({"examples": [{**ROW, "weight": 0}]}, "every 'weight' is 0"),
        ({"prompts": ["p"] * 11, "examples": [ROW] * 91}, "1,001 scores"),
        ({"prompts": ["p" * 20_000], "examples": [ROW] * 80}, "bytes of text"),
        ({"prompts": ["p"], "examples": [{"input": "i" * 1000, "targets": ["t", "u"]}] * 800}, "1,600 scores"),
        ({"prompts": ["p"] * 10, "examples": [{"input": "i" * 2000, "target": "t"}] * 90}, "bytes of text"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        score_request(score_call(**changes))


def test_the_scorer_is_asked_without_the_endpoint_s_name() -> None:
    request = score_request(score_call(model="big", return_tokens=True))
    assert request.model_dump(exclude_unset=True) == {
        "prompts": ["Go.", "Stay."], "examples": [ROW, {**ROW, "weight": 3}], "return_tokens": True,
    }  # fmt: skip


def test_an_analysis_leaves_each_part_out() -> None:
    prompt = "Name the city. Be quick. Use {{input}} alone."
    call = AnalyzeCall.model_validate({"prompt": prompt, "examples": [ROW], "protect": ["Be quick."]})
    request = masked_request(call)
    texts = [prompt[start:end] for start, end in request.spans]
    assert texts[0] == "Name the city." and "Be quick." not in texts
    found = {
        **MEASURED, "baseline": [1.5], "masked": [[2.0]] * len(texts), "num_tokens": [2],
        "delta": [0.5] * len(texts), "standard_error": [0.1] * len(texts),
    }  # fmt: skip
    view = analyze_view(call, MaskedLossesResponse.model_validate(found))
    assert [unit.text for unit in view.units] == texts
    assert (view.loss, view.num_examples) == (1.5, 1)


def test_a_prompt_of_one_part_cannot_be_analysed() -> None:
    call = AnalyzeCall.model_validate({"prompt": "Name the city.", "examples": [ROW]})
    with pytest.raises(InvalidInputError, match="two sentences or list items"):
        masked_request(call)
