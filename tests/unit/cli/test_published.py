"""``pmpo datasets import``: a file that the user has becomes rows, and nothing is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pmpo.cli.main import main


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bbh" / "bbh" / "navigate.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"examples": [{"input": f"walk {row}", "target": "No"} for row in range(3)]}))
    monkeypatch.setenv("PMPO_DATA_DIR", str(tmp_path))
    return tmp_path


def test_rows_are_written_and_the_licence_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = data / "rows.jsonl"
    assert main(["datasets", "import", "bbh:navigate", "--out", str(out)]) == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 3
    assert "3 rows of bbh:navigate are in" in (printed := capsys.readouterr().out)
    assert "licence: MIT" in printed


def test_json_is_one_object(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = data / "answers.jsonl"
    answers.write_text(json.dumps({"question": "?", "answer": "Think.\n#### 7"}), encoding="utf-8")
    out = data / "rows.jsonl"
    command = [
        "datasets",
        "import",
        "gsm8k:mine",
        "--from",
        str(answers),
        "--answers-only",
        "--out",
        str(out),
        "--json",
    ]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["rows"], found["written_to"]) == ("gsm8k:mine", 1, str(out))
    assert json.loads(out.read_text(encoding="utf-8")) == {"input": "?", "target": "7"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bbh:navigat", "did you mean bbh:navigate?"),
        ("gsm8k:train", "there is no gsm8k/train.jsonl"),
        ("mmlu:law", "there is no published set"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    data: Path, name: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = data / "rows.jsonl"
    assert main(["datasets", "import", name, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_a_place_that_cannot_be_written(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "import", "bbh:navigate", "--out", str(data / "no" / "rows.jsonl")]) == 2
    assert "cannot be written" in capsys.readouterr().err
