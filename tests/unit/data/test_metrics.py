from __future__ import annotations

import pytest

from pmpo.data.metrics import ExactMatch, grader_for
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
