"""What a row's values may be: exactly what JSON in UTF-8 holds and everything that reads it can follow."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from pmpo.contracts.jsonvalues import MAX_DEPTH, row_problem


def nested(depth: int, *, in_objects: bool = False) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"k": value} if in_objects else [value]
    return value


def holding_itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize("in_objects", [False, True])
def test_depth_has_a_limit(in_objects: bool) -> None:
    assert row_problem({"x": nested(MAX_DEPTH, in_objects=in_objects)}) is None
    for depth in (MAX_DEPTH + 1, 5_000):
        assert row_problem({"x": nested(depth, in_objects=in_objects)}) == (
            f"'x' is nested more than {MAX_DEPTH} deep; flatten it or leave it out"
        )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (math.inf, "'x' holds a number that is not finite; leave it out or write null"),
        ([{"k": math.nan}], "'x' holds a number that is not finite"),
        ("\ud800", "'x' holds half of a surrogate pair, which is no text; remove it"),
        ({"\ud800": 1}, "'x' holds an object in which the key '\\ud800' holds half of a surrogate pair"),
        ([{1: 2}], "'x' holds an object in which the key 1 is a number; keys are texts"),
        ({1, 2}, "'x' holds a set, which JSON does not have; make it a text or a number"),
        (holding_itself(), "'x' is nested more than 32 deep"),
    ],
)
def test_what_json_does_not_have_is_named_with_its_key(value: Any, says: str) -> None:
    problem = row_problem({"input": "é", "x": value})
    assert problem is not None
    assert problem.startswith(says)


def test_what_json_has_passes_and_is_written() -> None:
    row = {"é": "€", "list": [1, 2.5, None, True, {"k": []}], "large": 10**40, "least": 5e-324}
    assert row_problem(row) is None
    assert json.loads(json.dumps(row)) == row


def test_the_rows_own_keys_are_texts() -> None:
    assert row_problem({1: "x"}) == "the key 1 is a number; keys are texts"  # type: ignore[dict-item]
