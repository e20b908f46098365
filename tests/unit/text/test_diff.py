from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pmpo.text.diff import word_diff

WORDS = st.lists(
    st.sampled_from(["the", "city", "Answer", "alone", ".", "\n", " ", "{{input}}", "城市", "é"]), max_size=30
)
TEXTS = st.one_of(st.text(max_size=60), WORDS.map(" ".join), WORDS.map("".join))


@given(old=TEXTS, new=TEXTS)
def test_nothing_is_lost(old: str, new: str) -> None:
    pieces = word_diff(old, new)
    assert "".join(text for op, text in pieces if op in ("equal", "delete")) == old
    assert "".join(text for op, text in pieces if op in ("equal", "insert")) == new


@given(old=TEXTS, new=TEXTS)
def test_pieces_are_never_empty_and_never_follow_their_like(old: str, new: str) -> None:
    pieces = word_diff(old, new)
    assert all(text for _, text in pieces)
    ops = [op for op, _ in pieces]
    assert all(left != right for left, right in pairwise(ops))
    assert ("insert", "delete") not in list(pairwise(ops))


@given(text=TEXTS)
def test_equal_texts_have_no_change(text: str) -> None:
    assert word_diff(text, text) == ((("equal", text),) if text else ())


def test_a_word_is_replaced_whole() -> None:
    assert word_diff("Name the country.", "Name the city.") == (
        ("equal", "Name the "),
        ("delete", "country"),
        ("insert", "city"),
        ("equal", "."),
    )


def test_scattered_words_do_not_break_a_replaced_passage() -> None:
    pieces = word_diff("Please do kindly treat the given input.", "Extract which city the reviewer mentions.")
    assert [op for op, _ in pieces] == ["delete", "insert", "equal"]


def test_a_long_prompt_is_compared_in_full() -> None:
    old = " ".join(f"rule {number} holds;" for number in range(5000))
    new = old.replace("rule 2500 holds", "rule 2500 is void")
    assert word_diff(old, new)[1:3] == (("delete", "holds"), ("insert", "is void"))
