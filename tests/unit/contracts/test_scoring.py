"""The scorer's wire models: what they refuse, and how they say it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from pmpo.contracts.problems import refusal
from pmpo.contracts.scoring import (
    ChatCompletionRequest,
    ChatMessage,
    ScoreExample,
    ScoreRequest,
    ScoreResponse,
    TokenizeRequest,
    TokenizeTextsRequest,
)
from pmpo.errors import InvalidInputError, UnknownKeyError


def refused(model: type[BaseModel], body: Any) -> InvalidInputError:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return refusal(caught.value.errors())


def test_prompts_are_text_or_messages() -> None:
    body = {"prompts": ["a", [{"role": "user", "content": "b"}]], "examples": [{"input": "i", "target": "t"}]}
    request = ScoreRequest.model_validate(body)
    assert request.prompts == ["a", [ChatMessage(role="user", content="b")]]
    assert ScoreRequest.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize("prompt", [3, None, [], [{"role": "judge", "content": "x"}], [{"role": "user"}]])
def test_other_prompts_are_refused_by_place(prompt: Any) -> None:
    error = refused(ScoreRequest, {"prompts": ["a", prompt], "examples": []})
    assert str(error).startswith("prompts.1.messages")


def test_example_forms() -> None:
    single = ScoreExample(input="i", target="")
    several = ScoreExample(fields={"input": "i", "x": "y"}, targets=["a", "b"])
    assert single.all_targets == ("",)
    assert several.all_targets == ("a", "b")
    assert single.all_fields == {"input": "i"}
    assert several.all_fields == {"input": "i", "x": "y"}
    assert ScoreExample(input="i", fields={"input": "i"}, target="t").all_fields == {"input": "i"}


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ({"input": "i"}, "give either 'target' or 'targets'"),
        ({"input": "i", "target": "t", "targets": ["t"]}, "give either 'target' or 'targets'"),
        ({"input": "i", "targets": []}, "targets"),
        ({"input": "i", "fields": {"input": "j"}, "target": "t"}, "differ"),
        ({"input": "i", "target": "t", "weight": -1}, "weight"),
        ({"input": "i", "target": "t", "weight": float("nan")}, "weight"),
        ({"input": "i", "target": "t", "weight": 1e308}, "weight"),
        ({"input": "i", "target": 3}, "target"),
    ],
)
def test_bad_examples(example: dict[str, Any], words: str) -> None:
    message = str(refused(ScoreRequest, {"prompts": ["p"], "examples": [example]}))
    assert message.startswith("examples.0")
    assert words in message
    assert "Value error" not in message


def test_unknown_keys_name_the_nearest_known_one() -> None:
    near = refused(ScoreRequest, {"prompts": ["p"], "examples": [{"input": "i", "taget": "t"}]})
    far = refused(TokenizeTextsRequest, {"texts": [], "zzz": 1})
    assert isinstance(near, UnknownKeyError)
    assert str(near) == "examples.0: unknown key 'taget', did you mean 'target'?"
    assert str(far) == "the body: unknown key 'zzz'; known keys are: texts"


def test_several_errors_are_counted() -> None:
    assert str(refused(ChatCompletionRequest, {"messages": [], "n": 0, "top_p": 2})).endswith("(and 2 more)")


def test_tokenize_takes_texts_or_a_score_body() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(TokenizeRequest)
    assert isinstance(adapter.validate_python({"texts": []}), TokenizeTextsRequest)
    assert isinstance(adapter.validate_python({"prompts": ["p"], "examples": []}), ScoreRequest)
    with pytest.raises(ValidationError):
        adapter.validate_python({"texts": [], "prompts": []})


def test_stops() -> None:
    body = {"messages": [{"role": "user", "content": "x"}]}
    stops = [
        ChatCompletionRequest.model_validate({**body, "stop": stop}).all_stops for stop in (None, "a", ["a", "", "b"])
    ]
    assert stops == [(), ("a",), ("a", "b")]


def test_answers_refuse_what_is_no_number() -> None:
    answer = {
        "log_likelihoods": [[-1.0, [-1.0, -2.0]]],
        "num_tokens": [[1, [1, 2]]],
        "model": "m",
        "revision": "r",
        "dtype": "float32",
        "engine": "e",
        "timings": {"tokenize_s": 0, "queue_s": 0, "compute_s": 0},
        "scored_tokens": 3,
        "computed_tokens": 2,
    }
    assert ScoreResponse.model_validate(answer).log_likelihoods == [[-1.0, [-1.0, -2.0]]]
    for bad in (float("nan"), float("-inf")):
        with pytest.raises(ValidationError):
            ScoreResponse.model_validate({**answer, "log_likelihoods": [[bad]]})
