"""Rows to examples, and prompts against examples."""

from __future__ import annotations

from typing import Any

import pytest

from pmpo.contracts.objectives import FieldNames
from pmpo.data.examples import check_placeholders, to_examples
from pmpo.errors import EmptyTargetError, InvalidDataError, InvalidInputError, PlaceholderError


def test_rows_become_examples_in_order() -> None:
    first, second = to_examples([{"input": "a", "target": "1"}, {"input": "", "target": " 2 "}], FieldNames())
    assert (first.index, first.input, first.targets) == (0, "a", ("1",))
    assert (second.index, second.input, second.target) == (1, "", " 2 ")


def test_scalars_become_texts_and_fields() -> None:
    row = {"question": 7, "answer": True, "level": 1.5, "done": False, "none": None, "list": [1], "input": "shadowed"}
    (example,) = to_examples([row], FieldNames(input="question", target="answer"))
    assert example.input == "7"
    assert example.target == "true"
    assert example.fields == {"question": "7", "level": "1.5", "done": "false", "input": "7"}


def test_the_target_is_no_field() -> None:
    (example,) = to_examples([{"input": "a", "target": "secret"}], FieldNames())
    with pytest.raises(PlaceholderError, match="target"):
        check_placeholders("Say {{target}}", [example])


@pytest.mark.parametrize(
    ("row", "error", "says"),
    [
        (
            {"input": 1, "o": 1},
            InvalidDataError,
            "row 1 (from 0) of train: the key 'target' is missing; the keys there are: input, o",
        ),
        ({"target": "a"}, InvalidDataError, "the key 'input' is missing"),
        ({"input": None, "target": "a"}, InvalidDataError, "'input' is null; fill it in or leave the row out"),
        ({}, InvalidDataError, "the keys there are: none"),
        ({"input": "a", "target": ["b"]}, InvalidDataError, "of train: 'target' holds a list; it must be a text"),
        ({"input": float("inf"), "target": "b"}, InvalidDataError, "'input' holds a float"),
        ({"input": "a", "target": " \n"}, EmptyTargetError, "row 1 (from 0) of train has an empty target ('target')"),
    ],
)
def test_refuses_a_row_by_number(row: dict[str, Any], error: type[InvalidInputError], says: str) -> None:
    with pytest.raises(error) as refusal:
        to_examples([{"input": "a", "target": "b"}, row], FieldNames(), name="train")
    assert says in str(refusal.value)


def test_one_key_cannot_be_both() -> None:
    with pytest.raises(InvalidInputError, match="both the key 'text'"):
        to_examples([{"text": "a"}], FieldNames(input="text", target="text"))


def test_placeholders_that_all_rows_fill_pass() -> None:
    examples = to_examples([{"q": "a", "target": "b", "unit": "cm"}], FieldNames(input="q"))
    check_placeholders("In {{unit}}: {{ q }} {{input}} {{q}}", examples)
    check_placeholders("No placeholder", examples)


def test_a_placeholder_without_field_is_named_with_its_row() -> None:
    rows = [{"input": "a", "target": "b", "city": "x"}, {"input": "a", "target": "b"}]
    with pytest.raises(PlaceholderError) as refusal:
        check_placeholders("{{input}} {{city}}", to_examples(rows, FieldNames()))
    assert str(refusal.value) == (
        "the prompt's placeholder {{city}} has no field in row 1 (from 0); use one of the fields that are there: input"
    )
