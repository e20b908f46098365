"""What a server may answer that is no score, in every protocol: refused in words, or passed on as NaN to be refused."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pmpo.errors import NonFiniteScoreError, UpstreamError
from services.scorer.engines.base import check_finite
from services.scorer.engines.remote.connecting import Connected
from tests.model_servers import ModelServer
from tests.unit.scorer.engines.remote.test_engine import MODES, items

Make = Callable[..., ModelServer]
Connect = Callable[..., Connected]
Values = list[float | None]


def values_of(flavour: str, answer: Any) -> Values | None:
    """The log-probabilities of an answer in its protocol's form; None in an answer that scores nothing."""
    if flavour == "vllm_suffix":
        encoded = answer.get("prompt_token_id_logprobs")
        return None if encoded is None else np.load(io.BytesIO(base64.b64decode(encoded)))[:, 0].tolist()
    if flavour in ("vllm", "chat"):
        rows = answer.get("prompt_logprobs")
        return rows and [row and next(iter(row.values()))["logprob"] for row in rows]
    if flavour == "sglang":
        found = answer["meta_info"].get("input_token_logprobs")
        return found and [entry[0] for entry in found]
    return (answer["choices"][0]["logprobs"] or {}).get("token_logprobs")


def with_values(flavour: str, answer: Any, values: Values) -> Any:
    """The same answer with other log-probabilities; fewer of them leave the last tokens without."""
    if flavour == "vllm_suffix":
        with io.BytesIO() as buffer:
            np.save(buffer, np.array(values, dtype=np.float32)[:, None])
            answer["prompt_token_id_logprobs"] = base64.b64encode(buffer.getvalue()).decode()
    elif flavour in ("vllm", "chat"):
        rows = answer["prompt_logprobs"][: len(values)]
        for row, value in zip(rows, values, strict=True):
            if row is not None:
                next(iter(row.values()))["logprob"] = value
        answer["prompt_logprobs"] = rows
    elif flavour == "sglang":
        found = answer["meta_info"]["input_token_logprobs"][: len(values)]
        answer["meta_info"]["input_token_logprobs"] = [
            [value, *entry[1:]] for entry, value in zip(found, values, strict=True)
        ]
    else:
        answer["choices"][0]["logprobs"]["token_logprobs"] = values
    return answer


def spoiling(flavour: str, spoil: Callable[[Values], Values]) -> Callable[[str, Any, Any], Any]:
    """A change of a server's answers."""

    def change(path: str, body: Any, answer: Any) -> Any:
        values = values_of(flavour, answer) if path != "/tokenize" else None
        return answer if values is None else with_values(flavour, answer, spoil(list(values)))

    return change


def without_last(values: Values) -> Values:
    return values[:-1]


def last_is_nan(values: Values) -> Values:
    return [*values[:-1], math.nan]


def last_is_missing(values: Values) -> Values:
    return [*values[:-1], None]


def last_is_positive(values: Values) -> Values:
    return [*values[:-1], 0.5]


@pytest.mark.parametrize("flavour", sorted(MODES))
def test_short_rows_are_refused(flavour: str, make_server: Make, connected: Connect) -> None:
    server = make_server(flavour)
    engine = connected(server.url).engine
    server.change = spoiling(flavour, without_last)
    with pytest.raises(UpstreamError, match=rf"the model server at {server.url}: .*(\d+ (log-prob|entries)|shape)"):
        engine.score(items(1))


@pytest.mark.parametrize("flavour", sorted(MODES))
def test_a_positive_value_is_refused(flavour: str, make_server: Make, connected: Connect) -> None:
    server = make_server(flavour)
    engine = connected(server.url).engine
    server.change = spoiling(flavour, last_is_positive)
    with pytest.raises(UpstreamError, match=r"0\.5, which is no log-probability"):
        engine.score(items(1))


@pytest.mark.parametrize("spoil", [last_is_nan, last_is_missing])
@pytest.mark.parametrize("flavour", sorted(MODES))
def test_what_is_no_number_is_named_by_item_and_token(
    flavour: str, spoil: Callable[[Values], Values], make_server: Make, connected: Connect
) -> None:
    server = make_server(flavour)
    engine = connected(server.url).engine
    server.change = spoiling(flavour, spoil)
    (item,) = items(1)
    scored = engine.score([item])
    last = len(item.target) - 1
    with pytest.raises(NonFiniteScoreError, match=f"gave nan for token {last} of item 0"):
        check_finite(scored.token_log_likelihoods)


@pytest.mark.parametrize("flavour", sorted(MODES))
def test_an_answer_without_values_is_refused(flavour: str, make_server: Make, connected: Connect) -> None:
    """As from a server that was restarted without the option that it needs: 200, a text, and no log-probabilities."""
    server = make_server(flavour)
    engine = connected(server.url).engine

    def bare(path: str, body: Any, answer: Any) -> Any:
        text = {"index": 0, "text": "x", "message": {"content": "x"}, "finish_reason": "length", "logprobs": None}
        return {"choices": [text], "meta_info": {"completion_tokens": 1}, "usage": {"completion_tokens": 1}}

    server.change = bare
    with pytest.raises(UpstreamError, match=f"the model server at {server.url}: .*answer has no "):
        engine.score(items(1))


def test_the_spoilers_spoil(make_server: Make, connected: Connect) -> None:
    """Each protocol's values are found and put back: an answer that nobody spoils stays as it was."""
    for flavour in MODES:
        server = make_server(flavour)
        seen: list[tuple[str, str]] = []

        def compare(path: str, body: Any, answer: Any, flavour: str = flavour, seen: Any = seen) -> Any:
            before = json.dumps(answer)
            seen.append((before, json.dumps(spoiling(flavour, list)(path, body, answer))))
            return answer

        engine = connected(server.url).engine
        server.change = compare
        engine.score(items(2))
        assert seen and all(before == after for before, after in seen), flavour
