"""The check finds what a job would stumble over, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from pmpo.contracts.objectives import FieldNames, ObjectiveKind
from pmpo.data.examples import to_examples
from pmpo.data.validation import MAX_LISTED, check_rows, kind_of_rows
from pmpo.errors import InvalidInputError

GOOD = [{"input": f"in {number}", "target": f"out {number}"} for number in range(4)]
BAD: list[tuple[ObjectiveKind, dict[str, Any], str, str]] = [
    ("supervised", {"target": "x"}, "input", "the key 'input' is missing"),
    ("supervised", {"input": "x", "target": " "}, "target", "has an empty target"),
    ("supervised", {"input": "x", "target": None}, "target", "'target' is null"),
    ("supervised", {"input": ["x"], "target": "y"}, "input", "'input' holds a list"),
    ("supervised", {"input": "x", "target": "y", "weight": "heavy"}, "weight", "the weight 'weight' is 'heavy'"),
    ("preference", {"input": "x", "chosen": "y"}, "rejected", "the key 'rejected' is missing"),
    ("preference", {"input": "x", "chosen": "y", "rejected": "y "}, "rejected", "hold the same answer"),
    (
        "preference",
        {"input": "x", "chosen": "y", "rejected": "n", "margin": -1},
        "margin",
        "a number from 0 to 1,000,000,000",
    ),
    ("options", {"input": "x", "options": ["a"], "answer": "a"}, "answer", "fewer than 2 options"),
    ("options", {"input": "x", "options": ["a", "b"], "answer": "c"}, "answer", "is none of the options"),
]


@pytest.mark.parametrize(("kind", "row", "field", "says"), BAD)
def test_every_refusal_of_a_job_is_found_with_row_and_field(
    kind: ObjectiveKind, row: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(InvalidInputError):
        to_examples([row], FieldNames(), kind=kind)
    report = check_rows({"train": [row, row, row]}, kind=kind)
    assert [(problem.row, problem.field) for problem in report.problems] == [(0, field), (1, field), (2, field)]
    assert says in report.problems[0].reason
    assert not report.is_usable
    assert report.sets[0].num_usable == 0


def test_both_keys_of_a_row_are_named() -> None:
    report = check_rows({"train": [*GOOD, {"other": 1}]})
    assert [(problem.row, problem.field) for problem in report.problems] == [(4, "input"), (4, "target")]
    assert (report.sets[0].num_rows, report.sets[0].num_usable) == (5, 4)


def test_good_rows_have_no_findings() -> None:
    report = check_rows({"train": GOOD, "validation": [{"input": "new", "target": "x"}]})
    assert report.is_usable
    assert (report.num_problems, report.num_duplicates, report.num_leaks, report.warnings) == (0, 0, 0, [])


def test_duplicates_and_leaks_say_where_the_row_stood_before() -> None:
    report = check_rows({"train": [*GOOD, GOOD[1]], "validation": [GOOD[2], {"input": "in 3", "target": "else"}]})
    [duplicate] = report.duplicates
    assert (duplicate.row, duplicate.earlier_set, duplicate.earlier_row, duplicate.is_whole) == (4, "train", 1, True)
    leaks = [(leak.set, leak.row, leak.earlier_set, leak.earlier_row, leak.is_whole) for leak in report.leaks]
    assert leaks == [("validation", 0, "train", 2, True), ("validation", 1, "train", 3, False)]
    assert report.is_usable


def test_one_input_with_two_answers_is_no_duplicate() -> None:
    report = check_rows({"train": [*GOOD, {"input": "in 1", "target": "another"}]})
    assert (report.num_duplicates, report.num_leaks) == (0, 0)


def test_lists_are_bounded_and_counts_are_whole() -> None:
    report = check_rows({"train": [{"input": "x", "target": ""}] * 500})
    assert (len(report.problems), report.num_problems) == (MAX_LISTED, 500)
    report = check_rows({"train": GOOD[:1] * 500})
    assert (len(report.duplicates), report.num_duplicates) == (MAX_LISTED, 499)


def test_too_few_rows_and_rows_without_weight_are_told() -> None:
    assert "train has 2 rows" in check_rows({"train": GOOD[:2]}).warnings[0]
    report = check_rows({"train": [{**row, "weight": 0} for row in GOOD]})
    assert report.warnings == ["all rows weigh 0; give one a weight above 0"]
    assert not report.is_usable


def test_other_keys_may_hold_the_fields() -> None:
    rows = [{"question": row["input"], "answer": row["target"]} for row in GOOD]
    assert check_rows({"train": rows}, FieldNames(input="question", target="answer")).is_usable


def test_the_kind_is_seen_in_the_keys() -> None:
    assert kind_of_rows({"input": "", "chosen": "", "rejected": ""}) == "preference"
    assert kind_of_rows({"input": "", "options": [], "answer": ""}) == "options"
    assert kind_of_rows({"input": "", "target": ""}) == "supervised"


@pytest.mark.parametrize("name", ["validation", "test"])
def test_a_set_without_rows_is_told(name: Any) -> None:
    rows = [{"input": f"in{number}", "target": "x"} for number in range(5)]
    report = check_rows({"train": rows, name: []})
    assert (report.is_usable, report.warnings) == (
        False,
        [f"{name} has no rows; add some, or leave it out and it is cut from train"],
    )
