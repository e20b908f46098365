"""A prompt file gives the model one text, and gets another one without losing anything else."""

from __future__ import annotations

import codecs
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.ci.promptfile import PromptFile
from pmpo.errors import InvalidInputError, PlaceholderError
from pmpo.text.placeholders import placeholders

LINES = st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\ufeff")), min_size=1)


@given(lines=LINES, end=st.sampled_from(["\n", "\r\n", "\r"]), mark=st.booleans(), ends=st.booleans())
def test_a_prompt_that_is_written_back_gives_the_same_bytes(lines: list[str], end: str, mark: bool, ends: bool) -> None:
    body = end.join(lines) + (end if ends else "")
    data = (codecs.BOM_UTF8 if mark else b"") + body.encode()
    if not body.strip():
        return
    assert PromptFile.read(data, "p.txt").written(PromptFile.read(data, "p.txt").text) == data


def test_line_ends_mark_and_last_line_end_stay() -> None:
    windows = PromptFile.read(codecs.BOM_UTF8 + b"Say it.\r\nBe brief.\r\n", "p.txt")
    assert windows.text == "Say it.\nBe brief."
    assert windows.written("Say it.\nIn one word.") == codecs.BOM_UTF8 + b"Say it.\r\nIn one word.\r\n"
    bare = PromptFile.read(b"Say it.", "p.txt")
    assert bare.written("Tell me.\nNow.") == b"Tell me.\nNow."


def test_the_most_frequent_line_end_is_kept() -> None:
    mixed = PromptFile.read(b"a\r\nb\r\nc\nd", "p.txt")
    assert mixed.text == "a\nb\nc\nd"
    assert mixed.written("x\ny") == b"x\r\ny"


def test_placeholders_keep_their_spelling() -> None:
    file = PromptFile.read(b"Sum {{ first }} and {{second}}.\n", "p.txt")
    assert file.written("Add {{second}} to {{first}}.") == b"Add {{second}} to {{ first }}.\n"


@pytest.mark.parametrize(
    "text", ["Add {{first}}.", "Add {{first}} and {{second}} and {{second}}.", "Add {{f}} {{second}}."]
)
def test_other_placeholders_are_never_written(text: str) -> None:
    file = PromptFile.read(b"Sum {{first}} and {{second}}.\n", "p.txt")
    assert Counter(placeholders(text)) != Counter(placeholders(file.text))
    with pytest.raises(PlaceholderError, match="was not written"):
        file.written(text)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "p.txt is empty; write a prompt into it"),
        (b" \r\n", "p.txt is empty"),
        (b"fine\n\xff", "p.txt, line 2: not UTF-8; save the file as UTF-8"),
        (b"a\n<<<<<<< HEAD\r\nb\n=======\nc\n>>>>>>> x\n", "p.txt, line 2: a merge conflict is not resolved"),
    ],
)
def test_what_is_no_prompt_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        PromptFile.read(data, "p.txt")
    assert refused.value.message.startswith(said)


def test_a_line_of_equal_signs_is_no_conflict() -> None:
    assert PromptFile.read(b"Title\n=======\nSay it.\n", "p.txt").text == "Title\n=======\nSay it."
