from __future__ import annotations

import pytest

from pmpo.data.rationales import AnswerReader
from pmpo.errors import InvalidInputError
from pmpo.optim.types import Example

ROW = Example(0, "3 + 4", ("7",))


def test_a_right_text_becomes_reasoning_and_the_rows_own_answer() -> None:
    assert AnswerReader("number").read(ROW, "Add them. The answer is 7.0 in all.") == ("Add them.\nThe answer is 7", "")
    quoted = Example(0, "where", ('"Oslo."',))
    assert AnswerReader("exact_match").read(quoted, "North. The answer is Oslo.")[0] == 'North.\nThe answer is "Oslo."'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Add them. The answer is 8.", "wrong"),
        ("Add 7 of them. Done", "without a stated answer"),
        ("The answer is 7.", "without reasoning"),
        ("", "without a stated answer"),
    ],
)
def test_what_is_no_rationale_says_why(text: str, why: str) -> None:
    assert AnswerReader("exact_match").read(ROW, text) == ("", why)


def test_the_answer_counts_and_not_what_is_said_on_the_way() -> None:
    assert AnswerReader("contains").read(ROW, "It could be 7. The answer is 8.")[1] == "wrong"


def test_without_a_metric_nothing_is_right() -> None:
    with pytest.raises(InvalidInputError, match="needs a metric"):
        AnswerReader(None)
