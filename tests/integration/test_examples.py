"""The examples of docs/cli.md and of the client's docstrings do what they say, on a real stack with nano."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmpo.cli.embedded import StackAddresses, StackOptions, running_stack
from pmpo.client import Client
from pmpo.runs.jobfile import load_job
from tests.integration.conftest import clean_environment

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from pmpo.cli.main import run; run()"]
CITIES = ["Oslo", "Lima", "Rome", "Cairo", "Quito", "Delhi", "Paris", "Tokyo"]
SHORT = "{iterations: 1, hard_examples: 1, variants: 2, patience: 1}"
LONG = "{iterations: 200, hard_examples: 10, variants: 12, patience: 200}\nmetric: null"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackAddresses]:
    with running_stack(StackOptions(state_dir=tmp_path_factory.mktemp("state"))) as running:
        yield running.addresses


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, optimizer, num_parts in (("job", SHORT, 3), ("long", LONG, 40)):
        parts = range(num_parts)
        rows = [{"input": f"{city} was lovely, part {part}.", "target": city} for city in CITIES for part in parts]
        data = "rows.jsonl" if name == "job" else "many_rows.jsonl"
        (tmp_path / data).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        body = f"name: cities\nprompt: Do it.\ndataset: {{train: {data}}}\noptimizer: {optimizer}\n"
        (tmp_path / f"{name}.yaml").write_text(f"{body}max_answer_tokens: 8\n", encoding="utf-8")
    (tmp_path / "before.txt").write_text("Process the input. Take your time.", encoding="utf-8")
    (tmp_path / "after.txt").write_text("Name the city of the review.", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_example_of_the_command_line_runs(stack: StackAddresses, folder: Path) -> None:
    job_id = ""
    for words in examples():
        command = [job_id if word == "ID" else word for word in words]
        done = subprocess.run(
            [*COMMAND, *command], capture_output=True, text=True, cwd=folder, env=clean_environment(PMPO_URL=stack.api)
        )
        assert (done.returncode, done.stderr) == (0, ""), (command, done.stderr, done.stdout)
        assert done.stdout.strip(), command
        if command[0] == "submit":
            job_id = done.stdout.strip()
        if "--json" in command:
            assert isinstance(json.loads(done.stdout), dict)


def examples() -> list[list[str]]:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    block = text.partition("## Examples")[2].partition("```sh\n")[2].partition("```")[0]
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines() if line.startswith("pmpo ")]


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


OURS = ["analyze", "create_dataset", "iterate_events", "list_jobs", "local", "score", "wait"]


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
