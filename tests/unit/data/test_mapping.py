"""Keys are renamed, and nothing is overwritten."""

from __future__ import annotations

import pytest

from pmpo.data.mapping import parse_mapping, renamed
from pmpo.errors import InvalidDataError, InvalidInputError


def test_keys_are_renamed_in_their_place() -> None:
    names = parse_mapping(["input=review", "target=city"])
    row = {"city": "Oslo", "review": "Nice.", "id": 7}
    assert list(next(renamed([row], names)).items()) == [("target", "Oslo"), ("input", "Nice."), ("id", 7)]


def test_two_keys_may_change_places() -> None:
    assert list(renamed([{"a": 1, "b": 2}], parse_mapping(["a=b", "b=a"]))) == [{"b": 1, "a": 2}]


@pytest.mark.parametrize("given", [["input"], ["=a"], ["a="], ["a=x", "a=y"], ["a=x", "b=x"]])
def test_what_is_no_mapping_is_refused(given: list[str]) -> None:
    with pytest.raises(InvalidInputError):
        parse_mapping(given)


def test_a_row_without_the_key_is_named() -> None:
    with pytest.raises(InvalidDataError, match=r"row 1 \(from 0\) has no key 'review'; the keys there are: text"):
        list(renamed([{"review": "a"}, {"text": "b"}], {"review": "input"}))


def test_no_value_is_overwritten() -> None:
    with pytest.raises(InvalidDataError, match=r"row 0 \(from 0\) has a key 'input' already"):
        list(renamed([{"review": "a", "input": "b"}], {"review": "input"}))
