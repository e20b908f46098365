"""The examples of docs/cli.md and of the client's docstrings do what they say, on a real stack with nano."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from pmpo.cli.embedded import StackAddresses, StackOptions, running_stack
from pmpo.client import Client
from pmpo.runs.jobfile import load_job
from tests.documented import ON_AN_API, Ids
from tests.integration.conftest import clean_environment

COMMAND = [sys.executable, "-c", "from pmpo.cli.main import run; run()"]
CITIES = ["Oslo", "Lima", "Rome", "Cairo", "Quito", "Delhi", "Paris", "Tokyo"]
SHORT = "{iterations: 1, hard_examples: 1, variants: 2, patience: 1}"
LONG = "{iterations: 200, hard_examples: 10, variants: 12, patience: 200}\nmetric: null"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackAddresses]:
    with running_stack(StackOptions(state_dir=tmp_path_factory.mktemp("state"))) as running:
        yield running.addresses


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def puzzle(number: int) -> dict[str, str]:
    """Three people who lie or tell the truth, in a way that each number has for its own: what nano can reason about."""
    first, second, third = (bool(number & bit) for bit in (1, 2, 4))
    says = ("lies", "tells the truth")
    names = ("Fidel", "Vina", "Kandi") if number & 8 else ("Jamey", "Sherrie", "Rashida")
    told = f"{names[0]} {says[first]}. {names[1]} says {names[0]} {says[second]}."
    told += f" {names[2]} says {names[1]} {says[third]}."
    is_true = (first == second) == third
    return {"input": f"Question: {told} Does {names[2]} tell the truth?", "target": "Yes" if is_true else "No"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, optimizer, num_parts in (("job", SHORT, 3), ("long", LONG, 40)):
        parts = range(num_parts)
        rows = [{"input": f"{city} was lovely, part {part}.", "target": city} for city in CITIES for part in parts]
        data = "rows.jsonl" if name == "job" else "many_rows.jsonl"
        write_rows(tmp_path / data, rows)
        body = f"name: cities\nprompt: Do it.\ndataset: {{train: {data}}}\noptimizer: {optimizer}\n"
        (tmp_path / f"{name}.yaml").write_text(f"{body}max_answer_tokens: 8\n", encoding="utf-8")
    write_rows(tmp_path / "puzzles.jsonl", [puzzle(number) for number in range(16)])
    puzzles = "name: puzzles\nprompt: Answer the question.\ndataset: {train: puzzles.jsonl}\nmetric: final_answer\n"
    (tmp_path / "puzzles.yaml").write_text(puzzles, encoding="utf-8")
    published = [{"input": f"Take {steps} steps. Turn around.", "target": "No"} for steps in range(1, 5)]
    (tmp_path / "navigate.json").write_text(json.dumps({"examples": published}), encoding="utf-8")
    (tmp_path / "before.txt").write_text("Process the input. Take your time.", encoding="utf-8")
    (tmp_path / "after.txt").write_text("Name the city of the review.", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_example_of_the_command_line_runs(stack: StackAddresses, folder: Path) -> None:
    ids = Ids()
    for example in ON_AN_API.commands():
        command = ids.fill(example)
        done = subprocess.run(
            [*COMMAND, *command], capture_output=True, text=True, cwd=folder, env=clean_environment(PMPO_URL=stack.api)
        )
        assert (done.returncode, done.stderr) == (0, ANY if command[:2] == ["keys", "create"] else ""), command
        assert done.stdout.strip(), command
        ids.learn(command, done.stdout, done.stderr)
        if "--json" in command:
            assert isinstance(json.loads(done.stdout), dict)
    assert len((folder / "navigate.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    assert "The answer is" in (folder / "reasoned.jsonl").read_text(encoding="utf-8")
    assert (folder / "pmpo-export.tar.gz").stat().st_size > 0


def docstring_examples() -> dict[str, str]:
    """The ``Example::`` blocks of the client's calls, by name."""
    found = {}
    for name, call in inspect.getmembers(Client, callable):
        text = inspect.getdoc(call) or ""
        if not name.startswith("_") and "Example::" in text:
            body = text.partition("Example::")[2]
            lines = re.match(r"\n*((?:(?: {4}.*)?\n?)*)", body)
            assert lines is not None
            found[name] = textwrap.dedent(lines.group(1))
    return found


OURS = ["analyze", "create_dataset", "estimate_job", "iterate_events", "list_jobs", "local", "score", "wait"]


def test_the_calls_with_examples() -> None:
    assert set(OURS) <= set(docstring_examples())


@pytest.mark.parametrize("name", OURS)
def test_an_example_of_the_client_runs(
    stack: StackAddresses, folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from pmpo.contracts.jobs import JobSpec

    spec = load_job(folder / "job.yaml")
    with Client(stack.api) as client:
        created = client.create_job(spec) if name in ("iterate_events", "list_jobs") else None
        names: dict[str, Any] = {"client": client, "spec": spec, "created": created}
        exec(docstring_examples()[name], {**names, "Client": Client, "JobSpec": JobSpec})  # noqa: S102 (our own text)
        if created is not None:
            client.wait(created.id)
    assert capsys.readouterr().out.strip() or name in ("create_dataset", "list_jobs")
