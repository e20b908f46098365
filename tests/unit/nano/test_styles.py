"""Styles: how one answer is written in many ways."""

import random

import pytest

from nano_training.answers import Answer, label, listed, number, option, text
from nano_training.kinds.all import TRAINED_FAMILIES, draw_item
from nano_training.labels import VOCABULARIES
from nano_training.number_words import number_in_words
from nano_training.style_phrasings import STYLE_PHRASINGS
from nano_training.styles import (
    DEFAULT,
    DIMENSIONS,
    Style,
    dimensions_of,
    draw_style,
    is_held_out_combination,
    values_of,
    write,
)

ANSWERS = (text("Oslo"), number(7), label("sentiment", "negative"), listed("pear", "fig", "axe"), option("B", "pear"))


@pytest.mark.parametrize(
    ("answer", "style", "written"),
    [
        (text("Oslo"), Style(), "Oslo"),
        (text("Oslo"), Style(case="upper", wrap="brackets", prefix="answer"), "Answer: [OSLO]"),
        (text("Oslo"), Style(case="lower", wrap="json", suffix="period"), '{"answer": "oslo"}.'),
        (text("oslo"), Style(case="capital", prefix="sentence", suffix="period"), "The answer is Oslo."),
        (number(42), Style(number="words", suffix="exclamation"), "forty-two!"),
        (number(7), Style(number="padded", wrap="bold"), "**007**"),
        (number(7), Style(number="decimal", prefix="arrow"), "=> 7.0"),
        (label("sentiment", "negative"), Style(labels="sentiment:1", wrap="tag"), "<answer>bad</answer>"),
        (listed("pear", "fig"), Style(order="sorted", separator="bar"), "fig | pear"),
        (listed("10", "9"), Style(order="sorted"), "9, 10"),
        (listed("pear", "fig"), Style(order="reversed", separator="and", suffix="end"), "fig and pear END"),
        (option("B", "pear"), Style(), "(B)"),
        (option("B", "pear"), Style(option="bare", prefix="polite", suffix="thanks"), "With pleasure: B Thank you."),
        (option("B", "pear"), Style(option="numbered", wrap="parentheses"), "(2)"),
        (option("B", "pear"), Style(option="text", wrap="quotes"), '"pear"'),
        (number(3, steps="a 1, b 3"), Style(steps="steps", prefix="result"), "a 1, b 3\nResult: 3"),
        (number(3, steps="a 1, b 3"), Style(), "3"),
    ],
)
def test_each_value_has_its_form(answer: Answer, style: Style, written: str) -> None:
    assert write(answer, style) == written


@pytest.mark.parametrize("answer", ANSWERS)
def test_at_least_four_independent_dimensions_beside_the_task(answer: Answer) -> None:
    assert len(dimensions_of(answer)) >= 4
    for dimension in dimensions_of(answer):
        values = values_of(answer, dimension)
        assert values[0] == DEFAULT
        assert len(set(values)) == len(values) >= 3


def test_a_drawn_requirement_always_changes_the_answer() -> None:
    rng = random.Random(2)
    for family in TRAINED_FAMILIES:
        answer = draw_item(rng, family[0], held_out=False).answers[family[1]]
        style = draw_style(rng, answer, min_requirements=2)
        assert len(style.requirements()) >= 2
        assert not is_held_out_combination(style)
        for dimension, _ in style.requirements():
            assert dimension in dimensions_of(answer)


def test_some_combinations_of_formats_are_held_out_and_each_value_alone_is_not() -> None:
    rng = random.Random(3)
    held = {draw_style(rng, ANSWERS[0], held_out=True) for _ in range(60)}
    assert len({(style.wrap, style.prefix, style.suffix) for style in held}) > 5
    for dimension in ("wrap", "prefix", "suffix"):
        for value in values_of(ANSWERS[0], dimension):
            assert not is_held_out_combination(Style().with_value(dimension, value))


def test_every_value_can_be_asked_for() -> None:
    named = set(STYLE_PHRASINGS)
    for answer in (*ANSWERS, number(1, steps="one")):
        for dimension in dimensions_of(answer):
            if dimension != "labels":
                assert {(dimension, value) for value in values_of(answer, dimension)[1:]} <= named
    assert {dimension for dimension, _ in named} | {"labels"} == set(DIMENSIONS)
    assert all(len({len(names) for names in lists}) == 1 for lists in VOCABULARIES.values())


def test_numbers_in_words() -> None:
    shown = [number_in_words(value) for value in (0, 13, 40, 99, 100, 318, 2024)]
    assert shown == [
        "zero",
        "thirteen",
        "forty",
        "ninety-nine",
        "one hundred",
        "three hundred eighteen",
        "two thousand twenty-four",
    ]
    with pytest.raises(ValueError, match="9999"):
        number_in_words(10_000)
