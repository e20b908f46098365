"""Placeholders: found in order, filled in one pass, missing ones named."""

from __future__ import annotations

import pytest

from pmpo.errors import PlaceholderError
from pmpo.text.placeholders import fill, placeholders


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("{{a}} {{ b }} {{a}}", ("a", "b", "a")),
        ("{{_x1}}{{\ty }}", ("_x1", "y")),
        ("{a} {{1a}} {{a-b}} {{}} {{a b}} {{\na}} {{é}}", ()),
        ("{{{a}}}", ("a",)),
        ("", ()),
    ],
)
def test_names_in_order(prompt: str, names: tuple[str, ...]) -> None:
    assert placeholders(prompt) == names


def test_fill_is_one_pass_and_takes_values_as_they_are() -> None:
    assert fill("{{a}}-{{ b }}-{{a}}", {"a": "{{b}}", "b": r"\1 \g<0>", "c": "unused"}) == r"{{b}}-\1 \g<0>-{{b}}"


def test_prompt_without_placeholders_is_untouched() -> None:
    assert fill("{a} {{1}}", {}) == "{a} {{1}}"


def test_missing_field_and_known_ones_are_named() -> None:
    with pytest.raises(PlaceholderError, match=r"\{\{tone\}\}.*: input, style$"):
        fill("{{input}} {{tone}}", {"style": "s", "input": "i"})
    with pytest.raises(PlaceholderError, match=r"none$"):
        fill("{{tone}}", {})
