"""``pmpo prompts``, against the real API."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pmpo.cli.main import main

TEXTS = ["Name the city.", "Name the city in capitals."]


@pytest.fixture(autouse=True)
def address(live_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMPO_URL", live_api)


@pytest.fixture
def cities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    for number, text in enumerate(TEXTS):
        (tmp_path / f"{number}.txt").write_text(text + "\n", encoding="utf-8")
        assert main(["prompts", "push", "cities", str(tmp_path / f"{number}.txt"), "--note", f"text {number}"]) == 0
    capsys.readouterr()
    return "cities"


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_push_says_which_version_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prompt.txt"
    path.write_bytes(b"Name it.\n")
    assert main(["prompts", "push", "cities", str(path), "--label", "production"]) == 0
    assert capsys.readouterr() == ("the text is now version 1 of cities.\n", "")
    assert main(["prompts", "push", "cities", str(path)]) == 0
    assert capsys.readouterr() == ("the text is already version 1 of cities.\n", "")
    found = answer(capsys, "prompts", "get", "cities", "--label", "production")
    assert (found["prompt"], found["version"], found["labels"]) == ("Name it.", 1, ["production"])


def test_a_file_with_windows_line_ends_and_a_mark_is_read_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, back = tmp_path / "prompt.txt", tmp_path / "back.txt"
    path.write_bytes("\ufeffOne.\r\nTwo.\r\n".encode())
    assert main(["prompts", "push", "cities", str(path)]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"{path}: the byte order mark at its start was left out; --exact keeps it",
        f"{path}: its Windows line ends became line feeds; --exact keeps them",
    ]
    assert answer(capsys, "prompts", "get", "cities")["prompt"] == "One.\nTwo."
    assert main(["prompts", "push", "cities", str(path), "--exact"]) == 0
    assert main(["prompts", "get", "cities", "--out", str(back)]) == 0
    assert back.read_bytes() == path.read_bytes()


def test_get_prints_the_text_alone(cities: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "get", cities]) == 0
    assert capsys.readouterr().out == TEXTS[1] + "\n"
    assert main(["prompts", "get", cities, "--version", "1"]) == 0
    assert capsys.readouterr().out == TEXTS[0] + "\n"


def test_a_prompt_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Où?\n".encode())))
    assert main(["prompts", "push", "cities", "-"]) == 0
    assert answer(capsys, "prompts", "get", "cities")["prompt"] == "Où?"


def test_promote_roll_back_and_log(cities: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "promote", cities, "1"]) == 0
    assert main(["prompts", "promote", cities, "latest"]) == 0
    assert main(["prompts", "rollback", cities]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "production of cities is version 1.",
        "production of cities is version 2 (it was version 1).",
        "production of cities is version 1 (it was version 2).",
    ]
    assert main(["prompts", "rollback", cities]) == 2
    assert "stood nowhere before version 1" in capsys.readouterr().err
    assert main(["prompts", "log", cities]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "text 0" in said
    assert "production: from version 2 to version 1 (rolled back)" in said
    assert main(["prompts", "list"]) == 0
    assert "cities 2 production: 1" in " ".join(capsys.readouterr().out.split())


def test_diff_of_any_two(cities: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["prompts", "promote", cities, "1"])
    capsys.readouterr()
    assert main(["prompts", "diff", cities, "production"]) == 0
    said = capsys.readouterr().out
    assert "Version 1 to version 2 of cities" in said
    assert "Name the city{+ in capitals+}." in said
    found = answer(capsys, "prompts", "diff", cities, "2", "1")
    assert "".join(piece["text"] for piece in found["diff"] if piece["op"] != "insert") == TEXTS[1]
    assert main(["prompts", "diff", cities, "2", "2"]) == 0
    assert "are the same text" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["get", "none"], "there is no prompt 'none' in the registry"),
        (["get", "Cities"], "'Cities' is no name for the registry; use 1 to 64 of a-z"),
        (["promote", "cities", "7"], "has no version 7; its versions are 1 to 2"),
        (["diff", "cities", "0"], "has no label '0'"),
        (["push", "cities", "nowhere.txt"], "nowhere.txt was not found in"),
    ],
)
@pytest.mark.usefixtures("cities")
def test_what_is_wrong_is_one_sentence(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_an_empty_registry_says_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "list"]) == 0
    assert "pmpo prompts push NAME FILE" in capsys.readouterr().out
