from __future__ import annotations

from typing import get_args

import pytest

from pmpo.contracts.modes import Metric
from pmpo.data.metrics import ExactMatch, check_gradable, grader_for
from pmpo.errors import InvalidDataError
from pmpo.optim.types import Example


@pytest.mark.parametrize(
    ("text", "grade"),
    [("Oslo", 1.0), ("  Oslo\n", 1.0), ("oslo", 0.0), ("Os lo", 0.0), ("Oslo.", 0.0), ("", 0.0)],
)
def test_exact_match_ignores_white_space_at_the_ends_only(text: str, grade: float) -> None:
    assert ExactMatch().grade(Example(0, "where?", ("Oslo ",)), text) == grade


@pytest.mark.parametrize(
    ("text", "grade"),
    [("Oslo", 1.0), (" Oslo", 1.0), ("The answer is Oslo", 1.0), ("The answer is: Oslo", 0.0), ("The answer is", 0.0)],
)
def test_a_model_that_repeats_how_its_answer_begins_is_forgiven(text: str, grade: float) -> None:
    example = Example(0, "where?", ("Oslo",), answer_prefix="The answer is ")
    assert ExactMatch().grade(example, text) == grade


def test_a_job_without_metric_has_no_grader() -> None:
    assert grader_for(None) is None
    assert isinstance(grader_for("exact_match"), ExactMatch)


@pytest.mark.parametrize(
    ("metric", "target", "text", "grade"),
    [
        ("contains", "New York", "It is in new  york, I think.", 1.0),
        ("contains", "no", "I know", 0.0),
        ("contains", "C++", "I write c++ daily", 1.0),
        ("contains", "Oslo", "", 0.0),
        ("final_answer", "No", "Left, then right.\nThe answer is no.", 1.0),
        ("final_answer", "3 is more.\nThe answer is Yes", "Add.\nYes", 1.0),
        ("final_answer", "No", "No, it is not.\nThe answer is Yes", 0.0),
        ("final_answer", "No", "", 0.0),
        ("number", "#### 1,200", "So it is 1200.0 in all", 1.0),
        ("number", "42", "42 apples and 3 pears", 0.0),
        ("number", "42", "many", 0.0),
        ("option", "(B)", "The answer is b.", 1.0),
        ("option", "B", "(A)", 0.0),
        ("option", "B", "Perhaps", 0.0),
    ],
)
def test_grades(metric: Metric, target: str, text: str, grade: float) -> None:
    grader = grader_for(metric)
    assert grader is not None
    assert grader.grade(Example(0, "x", (target,)), text) == grade


@pytest.mark.parametrize("metric", get_args(Metric))
def test_the_target_itself_is_always_right(metric: Metric) -> None:
    grader = grader_for(metric)
    assert grader is not None
    assert grader.grade(Example(0, "x", ("(B) 7",)), "(B) 7") == 1.0


def test_targets_that_no_answer_could_match_are_refused() -> None:
    rows = (Example(0, "x", ("4",)), Example(5, "x", ("four",)))
    with pytest.raises(InvalidDataError, match=r"metric number finds nothing .* row 5 \(from 0\): 'four'"):
        check_gradable("number", rows)
    check_gradable("exact_match", rows)
    check_gradable(None, rows)
