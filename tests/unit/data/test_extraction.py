from __future__ import annotations

from decimal import Decimal

import pytest

from pmpo.data.extraction import final_answer, last_line, number_in, option_in, split_at_answer, stated_answer


@pytest.mark.parametrize(("text", "line"), [("a\n b \n\n", "b"), ("one", "one"), (" \n", ""), ("", "")])
def test_last_line(text: str, line: str) -> None:
    assert last_line(text) == line


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So the answer is Oslo.", "Oslo"),
        ("The answer is 4? No.\nFinal answer: **5**", "5"),
        ("**Answer:** (B) Oslo", "(B) Oslo"),
        ('Answer = "New York"\nThanks.', "New York"),
        ("2 + 2 = 4\n#### 4", "4"),
        (r"Thus \boxed{42}.", "42"),
        (r"The answer is $\boxed{42}$.", "42"),
        ("Nothing is said here.", None),
        ("An answerless text: yes", None),
        ("The answer is:\n", None),
    ],
)
def test_stated_answer(text: str, answer: str | None) -> None:
    assert stated_answer(text) == answer


def test_final_answer_falls_back_to_the_last_line() -> None:
    assert final_answer("I think.\n**Oslo.**\n") == "Oslo"
    assert final_answer("The answer is Rome.\nHave a nice day.") == "Rome"
    assert final_answer("") == ""


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("It costs $1,200.50 in all", "1200.50"),
        ("3 and 4 make 7", "7"),
        ("The answer is 12, which is 3 more than 9", "12"),
        ("The answer is clear: 5 of 6 are gone", "5"),
        ("from 3-4", "4"),
        ("it is -4", "-4"),
        ("it is \u22124", "-4"),
        ("50%", "50"),
        ("1,2,3", "3"),
        ("1e3", "1000"),
        (".5", "0.5"),
        ("version v2", None),
        ("none", None),
        ("", None),
    ],
)
def test_number_in(text: str, number: str | None) -> None:
    assert number_in(text) == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("C) Oslo", "C"),
        ("d.", "D"),
        ("The answer is (A).\nBut (B) is near.", "A"),
        ("Of (A) and (B), the second, so (B) it is", "B"),
        ("Reasons.\n\n**E**", "E"),
        ("A cat sat", None),
        ("Because", None),
        ("", None),
    ],
)
def test_option_in(text: str, letter: str | None) -> None:
    assert option_in(text) == letter


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("3 + 4 = 7. So the answer is 7.", "3 + 4 = 7.", "7"),
        ("First a.\nThen b.\n\nAnswer: c", "First a.\nThen b.", "c"),
        ("The answer is 7.", "", "7"),
        ("The answer is 4? No.\nIt is 5. Final answer: 5", "The answer is 4? No.\nIt is 5.", "5"),
        ("6 * 7\n#### 42", "6 * 7", "42"),
        ("No idea", "No idea", None),
    ],
)
def test_split_at_answer(text: str, reasoning: str, answer: str | None) -> None:
    assert split_at_answer(text) == (reasoning, answer)
