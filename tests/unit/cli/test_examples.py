"""What docs/datasets.md and docs/prompts.md tell people to type works, in the order in which it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pmpo.cli.main import main
from pmpo.client import Client
from tests.documented import DATASETS, PROMPTS, Ids, Section

DOCS = Path(__file__).parents[3] / "docs"
API = "http://127.0.0.1:8000"


class Document:
    """The blocks of a document, run one after another in a folder, against an API that is there."""

    def __init__(self, name: str, url: str) -> None:
        text = (DOCS / name).read_text(encoding="utf-8")
        self.blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        self._url = url

    def of(self, kind: str) -> list[str]:
        return [block for found, block in self.blocks if found == kind]

    def run_python(self, block: str) -> dict[str, Any]:
        assert API in block
        scope: dict[str, Any] = {}
        exec(compile(block.replace(API, self._url), "example", "exec"), scope)  # noqa: S102 - the documents are ours
        return scope


def run_all(section: Section, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the commands of a document in their order; what they print."""
    ids = Ids()
    printed = ""
    for example in section.commands():
        command = ids.fill(example)
        assert main(command) == 0, command
        out, err = capsys.readouterr()
        ids.learn(command, out, err)
        printed += out
    return printed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, live_api: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PMPO_URL", live_api)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_data_sets(folder: Path, live_api: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = Document("datasets.md", live_api)
    [table] = document.of("csv")
    (folder / "cities.csv").write_text(table, encoding="utf-8")
    said = run_all(DATASETS, capsys)
    assert "A job can use every row." in said
    assert "cities" in said
    [example] = document.of("python")
    scope = document.run_python(example)
    assert scope["stored"].num_rows == 5
    assert scope["first"] == scope["rows"][:2]
    assert scope["job"].dataset.ids == {"train": scope["stored"].id}


def test_prompts(folder: Path, live_api: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = Document("prompts.md", live_api)
    (folder / "prompt.txt").write_text("Name the city.\n", encoding="utf-8")
    (folder / "shorter.txt").write_text("City?\n", encoding="utf-8")
    run_all(PROMPTS, capsys)
    assert (folder / "prompt-in-use.txt").read_text(encoding="utf-8") == "Name the city."
    application, client_example = document.of("python")
    prompt = document.run_python(application)["prompt"]
    assert capsys.readouterr().out == "Name the city.\n"
    with Client(live_api) as client:
        assert prompt.text() == "Name the city."
        client.promote_prompt("review-city", 2)
        assert prompt.text() == "City?"
        assert prompt.text() == "City?"
    prompt._url = "http://127.0.0.1:9/"
    assert prompt.text() == "City?", "it goes on with what it has"
    document.run_python(client_example)
    assert capsys.readouterr().out == "2 City?\n"
