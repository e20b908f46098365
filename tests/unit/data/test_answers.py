"""What the rows of each objective must hold, and what every refusal says."""

from __future__ import annotations

from typing import Any

import pytest

from pmpo.contracts.objectives import FieldNames, ObjectiveKind
from pmpo.data.examples import check_placeholders, to_examples
from pmpo.errors import EmptyTargetError, InvalidDataError, InvalidInputError
from pmpo.optim.types import Example

PAIR = {"input": "q", "chosen": "yes", "rejected": "no"}
CHOICE = {"input": "q", "options": ["red", "green", "blue"], "answer": "green"}


def _one(row: dict[str, Any], kind: ObjectiveKind, **fields: Any) -> Example:
    (example,) = to_examples([row], FieldNames(**fields), kind=kind)
    return example


def test_a_pair_is_the_chosen_answer_and_the_rejected_one() -> None:
    example = _one({**PAIR, "margin": 1.5, "weight": 2, "topic": "x"}, "preference")
    assert (example.targets, example.target, example.margin, example.weight) == (("yes", "no"), "yes", 1.5, 2.0)
    assert example.fields == {"input": "q", "margin": "1.5", "weight": "2", "topic": "x"}
    assert _one(PAIR, "preference").margin == 0.0


def test_the_right_option_comes_first_whatever_the_order() -> None:
    assert _one(CHOICE, "options").targets == ("green", "red", "blue")
    assert _one({**CHOICE, "options": [1, 2], "answer": 2}, "options").targets == ("2", "1")


def test_letters_are_scored_when_the_answer_is_a_letter_and_texts_when_it_is_a_text() -> None:
    lettered = {"input": "q", "options": {"A": "red", "B": "green"}}
    assert _one({**lettered, "answer": "B"}, "options").targets == ("B", "A")
    assert _one({**lettered, "answer": "green"}, "options").targets == ("green", "red")
    swapped = {"input": "q", "options": {"A": "B", "B": "A"}, "answer": "A"}
    assert _one(swapped, "options").targets == ("A", "B")


def test_a_prompt_may_show_the_options_in_their_own_order_but_no_answer() -> None:
    assert _one(CHOICE, "options").fields["options"] == "- red\n- green\n- blue"
    lettered = {"input": "q", "options": {"A": "red", "B": "green"}, "answer": "B"}
    example = _one(lettered, "options")
    assert example.fields["options"] == "A: red\nB: green"
    check_placeholders("{{input}}\n{{options}}", [example])
    assert "answer" not in example.fields
    assert not {"chosen", "rejected"} & _one(PAIR, "preference").fields.keys()


def test_other_names_are_read() -> None:
    row = {"question": "q", "good": "a", "bad": "b", "gap": 2, "r": "0.5"}
    names = {"input": "question", "chosen": "good", "rejected": "bad", "margin": "gap", "weight": "r"}
    example = _one(row, "preference", **names)
    assert (example.input, example.targets, example.margin, example.weight) == ("q", ("a", "b"), 2.0, 0.5)
    names = {"input": "question", "options": "choices", "answer": "gold"}
    assert _one({"question": "q", "choices": ["a", "b"], "gold": "b"}, "options", **names).targets == ("b", "a")


def test_null_takes_no_weight_from_a_key_of_that_name() -> None:
    row = {"input": "a parcel", "target": "x", "weight": "3 kg"}
    assert _one(row, "supervised", weight=None).weight == 1.0
    assert _one(row, "supervised", weight=None).fields["weight"] == "3 kg"


def test_how_an_answer_begins_is_carried() -> None:
    (example,) = to_examples([PAIR], FieldNames(), kind="preference", answer_prefix="So: ")
    assert (example.answer_prefix, example.targets) == ("So: ", ("yes", "no"))


@pytest.mark.parametrize(
    ("kind", "row", "says"),
    [
        ("preference", {**PAIR, "rejected": "yes "}, "'chosen' and 'rejected' hold the same answer"),
        ("preference", {**PAIR, "rejected": None}, "'rejected' is null; fill it in or leave the row out"),
        (
            "preference",
            {**PAIR, "margin": -1},
            "the margin 'margin' is -1 and must be a number from 0 to 1,000,000,000",
        ),
        (
            "preference",
            {**PAIR, "margin": "wide"},
            "the margin 'margin' is 'wide' and must be a number from 0 to 1,000,000,000",
        ),
        (
            "preference",
            {**PAIR, "weight": -0.5},
            "the weight 'weight' is -0.5 and must be a number from 0 to 1,000,000,000",
        ),
        ("preference", {**PAIR, "weight": 1e308}, "the weight 'weight' is 1e+308 and must be a number from 0 to"),
        ("preference", {**PAIR, "margin": 10**400}, "the margin 'margin' is 1000"),
        ("preference", {**PAIR, "weight": True}, "the weight 'weight' is True and must be a number"),
        ("preference", {**PAIR, "weight": "nan"}, "the weight 'weight' is 'nan' and must be a number"),
        ("preference", {**PAIR, "weight": [1]}, "write `fields: {weight: null}` if the key means something else"),
        (
            "preference",
            CHOICE,
            "the keys there are: input, options, answer; say under 'fields' which key holds what (on "
            "the command line: --field chosen=KEY), or set "
            "objective.kind to options, whose keys these are",
        ),
        ("supervised", PAIR, "or set objective.kind to preference, whose keys these are"),
        ("options", {"input": "q", "target": "t"}, "or set objective.kind to supervised, whose keys these are"),
        (
            "options",
            {**CHOICE, "answer": "Green"},
            "the answer 'Green' is none of the options ('red', 'green', 'blue')",
        ),
        (
            "options",
            {**CHOICE, "options": {"A": "x", "B": "y"}, "answer": "C"},
            "'C' is none of the options ('x', 'y')",
        ),
        (
            "options",
            {**CHOICE, "options": ["green"]},
            "'options' holds fewer than 2 options; add some or leave the row",
        ),
        ("options", {**CHOICE, "options": []}, "'options' holds fewer than 2 options"),
        ("options", {**CHOICE, "options": ["green", "red", "red"]}, "an option stands twice under 'options'"),
        ("options", {**CHOICE, "options": ["green", ["red"]]}, "an option under 'options' is no text and no number"),
        ("options", {**CHOICE, "options": "red, green"}, "'options' holds a str; give a list of options or an object"),
        ("options", {"input": "q", "options": ["a", "b"]}, "the key 'answer' is missing"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_number(kind: ObjectiveKind, row: dict[str, Any], says: str) -> None:
    good = {"preference": PAIR, "options": CHOICE, "supervised": {"input": "a", "target": "b"}}[kind]
    with pytest.raises(InvalidDataError) as refusal:
        to_examples([good, row], FieldNames(), name="train", kind=kind)
    assert str(refusal.value).startswith("row 1 (from 0) of train: ")
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("preference", {**PAIR, "chosen": " "}),
        ("options", {**CHOICE, "answer": ""}),
        ("options", {**CHOICE, "options": ["green", " "]}),
    ],
)
def test_empty_answers_are_refused(kind: ObjectiveKind, row: dict[str, Any]) -> None:
    with pytest.raises(EmptyTargetError, match=r"row 0 \(from 0\) of the data"):
        to_examples([row], FieldNames(), kind=kind)


def test_weights_that_are_all_nought_are_refused_and_some_are_not() -> None:
    rows = [{**PAIR, "weight": 0}, {**PAIR, "weight": 0.0}]
    with pytest.raises(InvalidDataError, match=r"all rows of train weigh 0 \('weight'\); give one a weight above 0"):
        to_examples(rows, FieldNames(), name="train", kind="preference")
    assert [row.weight for row in to_examples([*rows, PAIR], FieldNames(), kind="preference")] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("name", ["weight", "margin"])
def test_a_chosen_name_that_no_row_has_is_a_slip(name: str) -> None:
    with pytest.raises(InvalidDataError, match=f"no row of train has the key 'gapp', which fields.{name} names"):
        to_examples([PAIR], FieldNames(**{name: "gapp"}), name="train", kind="preference")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("preference", {"chosen": "x", "rejected": "x"}),
        ("options", {"options": "x", "answer": "x"}),
        ("supervised", {"weight": "target"}),
        ("preference", {"margin": "m", "weight": "m"}),
    ],
)
def test_one_key_cannot_be_two_things(kind: ObjectiveKind, fields: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError, match=r"are both the key '\w+'; name two keys under 'fields'"):
        to_examples([], FieldNames(**fields), kind=kind)
