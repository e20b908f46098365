"""What editors add to a prompt is left out and said, or kept on demand; nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmpo.errors import InvalidInputError
from pmpo.runs.jobfile import load_job
from pmpo.text.files import read_prompt

WINDOWS = "\ufeffFirst line.\r\nSecond\rline.\r\n".encode()


def test_what_an_editor_adds_is_left_out_with_a_sentence_each() -> None:
    read = read_prompt(WINDOWS, "prompt.txt")
    assert read.text == "First line.\nSecond\nline."
    assert len(read.notes) == 2
    assert read.notes[0].startswith("prompt.txt: the byte order mark")
    assert read.notes[1].startswith("prompt.txt: its Windows line ends")
    assert all(note.endswith(("--exact keeps it", "--exact keeps them")) for note in read.notes)


def test_on_demand_every_character_stays() -> None:
    assert read_prompt(WINDOWS, "prompt.txt", is_exact=True).text.encode() == WINDOWS


@pytest.mark.parametrize("text", ["a", " a ", "a\n\nb", "\u2028a\ufeffb", "a\n"])
def test_nothing_else_changes_and_nothing_is_said(text: str) -> None:
    read = read_prompt(text.encode(), "prompt.txt")
    assert read.text == text.removesuffix("\n")
    assert read.notes == ()


@pytest.mark.parametrize("raw", [b"", b"\xef\xbb\xbf\r\n", b" \n\t"])
def test_a_file_without_a_prompt_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInputError, match=r"prompt\.txt holds no prompt"):
        read_prompt(raw, "prompt.txt")


def test_another_encoding_is_refused_with_the_line() -> None:
    with pytest.raises(InvalidInputError, match=r"prompt\.txt, line 2: not UTF-8 .*; save it as UTF-8"):
        read_prompt(b"a\n\xff\n", "prompt.txt")


@pytest.mark.parametrize("raw", [WINDOWS, b"a\r\rb\r\n\r\n", "\ufeffé".encode(), b" x \n\n"])
def test_a_job_file_reads_the_same_text(tmp_path: Path, raw: bytes) -> None:
    """So that the registry knows the prompt that a job began with."""
    (tmp_path / "prompt.txt").write_bytes(raw)
    rows = "".join(f'{{"input": "in {number}", "target": "out"}}\n' for number in range(5))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "job.yaml").write_text("prompt_file: prompt.txt\ndataset: {train: rows.jsonl}\n", encoding="utf-8")
    assert load_job(tmp_path / "job.yaml").prompt == read_prompt(raw, "prompt.txt").text
