"""What `pmpo ci` cannot use is one sentence with the remedy and exit code 2, and every file stays as it is."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pmpo.ci.lock import Lock, LockedPrompt, lock_text
from pmpo.cli.ci_project import open_project
from pmpo.cli.main import main
from pmpo.contracts.jobs import ModelView

CONFIG = '[prompts.city]\nfile = "city.txt"\ndataset = {train = "rows.jsonl"}\n'
CONFLICT = "<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> branch\n"


Case = tuple[str, Callable[[str], str], str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one prompt whose lock fits it, and no service anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PMPO_URL", "http://127.0.0.1:9")
    rows = "".join(json.dumps({"input": f"row {number}", "target": "x"}) + "\n" for number in range(20))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "city.txt").write_text("Name the city.\n", encoding="utf-8")
    (tmp_path / "pmpo.toml").write_text(CONFIG, encoding="utf-8")
    now = open_project(tmp_path / "pmpo.toml", None).prompts[0].now
    entry = LockedPrompt(
        file="city.txt",
        verdict="kept",
        loss=0.5,
        unit="nats per token",
        models={"default": ModelView(model="nano", revision="1", dtype="float32", engine="torch_tree")},
        text="Name the city.",
        losses={},
        **{name: getattr(now, name) for name in now.__slots__},
    )
    (tmp_path / "pmpo.lock").write_text(lock_text(Lock({"city": entry}, "0")), encoding="utf-8")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def conflicted(text: str) -> str:
    """A text of which git could not merge the last line."""
    *kept, last = text.splitlines(keepends=True)
    return "".join(kept) + CONFLICT.format(ours=last, theirs=last)


@pytest.mark.parametrize(
    "command", [["check"], ["check", "--offline"], ["refresh"], ["refresh", "--keep"], ["comment"]]
)
@pytest.mark.parametrize(
    "case",
    [
        ("pmpo.lock", conflicted, "a merge conflict is not resolved; keep either side (for example `git checkout"),
        (
            "pmpo.lock",
            lambda text: text.replace("\n", "\r\n").replace("format = 1", "format = 2"),
            "install that version",
        ),
        ("pmpo.lock", lambda text: text[: len(text) // 2], "then run `pmpo ci refresh`"),
        (
            "pmpo.lock",
            lambda text: text.replace("loss = 0.5", "loss = nan"),
            "then run `pmpo ci refresh`, or delete it",
        ),
        ("pmpo.toml", conflicted, "a merge conflict is not resolved; edit the file so that one side is left"),
        ("city.txt", conflicted, "a merge conflict is not resolved; edit the file so that one prompt is left"),
        ("city.txt", lambda _: "\ufeff\r\n", "city.txt is empty; write a prompt into it"),
        ("rows.jsonl", lambda _: "", "rows.jsonl holds no rows; add examples to it"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_nothing_is_written(
    project: Path, capsys: pytest.CaptureFixture[str], command: list[str], case: Case
) -> None:
    file, made, said = case
    path = project / file
    path.write_bytes(made(path.read_text(encoding="utf-8")).encode())
    before = contents(project)
    assert main(["ci", *command]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1), err
    assert said in err
    assert contents(project) == before


def test_windows_line_ends_and_marks_change_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in project.iterdir():
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    assert main(["ci", "check", "--offline"]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.startswith("city   unchanged")


@pytest.mark.parametrize("command", ["check", "refresh", "comment"])
def test_a_service_that_is_not_there_is_one_sentence(
    project: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    before = contents(project)
    assert main(["ci", command]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "pmpo: no PMPO API answers at http://127.0.0.1:9; start one with `pmpo up` or set PMPO_URL\n"
    assert contents(project) == before
