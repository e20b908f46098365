"""Units: what may be cut out of a prompt, and what cutting leaves."""

import string
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.text.units import _joined, delete, replace, segment


def texts(prompt, **options):
    return [prompt[start:end] for start, end in segment(prompt, **options)]


def test_sentences_are_units():
    assert texts("Extract the city. Take your time! Why? Reply in [ ].") == [
        "Extract the city.",
        "Take your time!",
        "Why?",
        "Reply in [ ].",
    ]


def test_list_items_are_units_and_keep_their_sentences_together():
    prompt = "Rules:\n- Be brief. Be kind.\n2. Use JSON.\n"
    assert texts(prompt) == ["Rules:", "- Be brief. Be kind.", "2. Use JSON."]


def test_abbreviations_and_initials_do_not_end_a_sentence():
    assert texts("Name a fruit, e.g. Apple or pear. Ask Dr. House or J. Doe.") == [
        "Name a fruit, e.g. Apple or pear.",
        "Ask Dr. House or J. Doe.",
    ]


def test_placeholders_and_code_blocks_are_never_part_of_a_unit():
    prompt = "Read this: {{input. Or not}} Then answer. See:\n```\nA. B. C.\n```\nBe brief."
    found = texts(prompt)
    assert found == ["Read this:", "Then answer.", "See:", "Be brief."]


def test_protected_texts_are_never_part_of_a_unit():
    prompt = "Be brief. Always answer in JSON. Be kind."
    assert texts(prompt, protected=["Always answer in JSON."]) == ["Be brief.", "Be kind."]


def test_a_single_sentence_has_no_units():
    assert texts("Extract the city.") == []
    assert texts("") == []


def test_more_sentences_than_allowed_are_joined_with_their_shortest_neighbours():
    prompt = "One is here for long. A. Bb cc. Two is here for long. Three is here for long. Four is here."
    found = texts(prompt, max_units=4)
    assert len(found) == 4
    assert "".join(prompt.split()) == "".join("".join(found).split())


@pytest.mark.parametrize(
    ("prompt", "unit", "left"),
    [
        ("One. Two. Three.", "Two.", "One. Three."),
        ("One. Two. Three.", "One.", "Two. Three."),
        ("One. Two. Three.", "Three.", "One. Two."),
        ("Rules:\n- a b\n- c d\nEnd.", "- a b", "Rules:\n- c d\nEnd."),
        ("One.\n\nTwo.\n\nThree.", "Two.", "One.\n\nThree."),
        ("Say: {{input}} Be brief.", "Be brief.", "Say: {{input}}"),
        ("Read: {{input}}\nBe brief. Now.", "Be brief.", "Read: {{input}}\nNow."),
    ],
)
def test_deleting_leaves_the_rest_readable(prompt, unit, left):
    start = prompt.index(unit)
    assert delete(prompt, (start, start + len(unit))) == left


def test_the_placeholder_mode_puts_dots():
    assert replace("One. Two.", (0, 4)) == "... Two."


ALPHABET = string.ascii_letters + " .!?\n-{}`1"


@given(st.text(ALPHABET, max_size=120), st.integers(1, 6))
def test_units_are_ordered_disjoint_and_hold_no_placeholder(prompt, max_units):
    spans = segment(prompt, max_units=max_units)
    assert len(spans) <= max(max_units, 1)
    position = 0
    for start, end in spans:
        assert position <= start < end <= len(prompt)
        assert prompt[start:end] == prompt[start:end].strip()
        position = end


@given(st.text(ALPHABET, max_size=120))
def test_deleting_removes_the_unit_and_only_white_space_besides(prompt):
    for start, end in segment(prompt):
        rest = "".join((prompt[:start] + prompt[end:]).split())
        assert "".join(delete(prompt, (start, end)).split()) == rest


def _joined_slowly(spans: list[tuple[int, int]], frozen: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """What the joining means: the pair that is shortest together, of equal ones the first, again and again."""
    units = list(spans)
    while len(units) > most:
        pairs = [
            (right[1] - left[0], at)
            for at, (left, right) in enumerate(pairwise(units))
            if not any(low >= left[1] and high <= right[0] for low, high in frozen)
        ]
        if not pairs:
            break
        _, at = min(pairs)
        units[at : at + 2] = [(units[at][0], units[at + 1][1])]
    return units[:most]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(1, 4))), st.integers(1, 6))
def test_joining_is_that_of_the_slow_rule(parts: list[tuple[bool, int, int]], most: int) -> None:
    spans: list[tuple[int, int]] = []
    frozen: list[tuple[int, int]] = []
    position = 0
    for is_frozen, gap, length in parts:
        start = position + gap
        position = start + length
        (frozen if is_frozen else spans).append((start, position))
    assert _joined(spans, frozen, most) == _joined_slowly(spans, frozen, most)


@pytest.mark.parametrize("part", ["A b. ", "{{x}}\n", "A b {{x}}. ", "- a b c\n", "Dr. "])
def test_the_longest_prompt_is_cut_without_growing_slower_by_the_square(part: str) -> None:
    """By the steps that Python takes, which no other program changes."""

    def num_steps(num_parts: int) -> int:
        steps = 0

        def count(*_: object) -> None:
            nonlocal steps
            steps += 1

        sys.setprofile(count)
        try:
            segment(part * num_parts, max_units=10)
        finally:
            sys.setprofile(None)
        return steps

    assert num_steps(800) < 12 * num_steps(100)
