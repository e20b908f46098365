"""`pmpo ci` over stored data sets: named in pmpo.toml by their ids, locked by what their ids are made of."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pmpo.ci.lock import read_lock
from pmpo.client import Client

from .conftest import Stack, clean_environment

ROOT = Path(__file__).parents[2]
GOOD = (
    "Say which city is named in the review. Use uppercase letters for the answer. "
    "Put the output between square brackets. Write 'Answer:' before it.\n"
)
COMMAND = [sys.executable, "-c", "from pmpo.cli.main import run; run()", "ci"]
CONFIG = """
[job]
optimizer = {{iterations = 1, hard_examples = 2, variants = 2}}
constraints = {{max_prompt_tokens = 80}}
max_answer_tokens = 16
seed = 41

[datasets]
cities = {cities}

[prompts.city]
file = "city.txt"
dataset = {dataset}
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(stack: Stack, tmp_path: Path) -> Run:
    def run_there(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = clean_environment(PMPO_URL=stack.api, COLUMNS="80")
        return subprocess.run([*COMMAND, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run_there


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_stored_data_set_is_checked_and_refreshed_like_a_file(run: Run, stack: Stack, tmp_path: Path) -> None:
    lines = (ROOT / "examples" / "data" / "review-city.jsonl").read_text(encoding="utf-8").splitlines()[:40]
    rows = [json.loads(line) | {"weight": 1 + number % 3} for number, line in enumerate(lines)]
    prompt, lock, config = (tmp_path / name for name in ("city.txt", "pmpo.lock", "pmpo.toml"))
    prompt.write_text(GOOD, encoding="utf-8")
    with Client(stack.api) as client:
        whole, fewer = client.create_dataset(rows, name="cities"), client.create_dataset(rows[:30])

    def write(dataset: str, cities: str = "{}") -> None:
        config.write_text(CONFIG.format(dataset=dataset, cities=cities), encoding="utf-8")

    def losses() -> dict[str, float]:
        return dict(read_lock(lock.read_text(encoding="utf-8"), "pmpo.lock").prompts["city"].losses)

    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    write('{train = "rows.jsonl"}')
    assert run("refresh", "--keep").returncode == 0
    of_file = losses()

    write(f'"{whole.id}"')
    assert "the data changed" in run("check", "--offline").stdout, "a file and a stored data set are told apart"
    kept = run("refresh", "--keep")
    assert kept.returncode == 0, kept.stderr
    assert losses() == of_file, "the same rows, wherever they come from"
    assert run("check").returncode == run("check", "--offline").returncode == 0
    write('"cities"', f'{{train = "{whole.id}"}}')
    assert run("check", "--offline").returncode == 0
    write('"cities"', f'"{whole.id}"')
    assert run("check", "--offline").returncode == 0, "an id may stand for the section"

    prompt.write_text("Process the input. Take your time. This is very important.\n", encoding="utf-8")
    worse = run("check")
    assert (worse.returncode, "it got worse" in worse.stdout) == (1, True), worse.stdout
    told = run("comment")
    assert "| `Process the input.` |" in told.stdout, told.stderr
    refreshed = run("refresh", "--accept")
    assert refreshed.returncode == 0, refreshed.stderr
    assert run("check").returncode == 0

    write(f'"{fewer.id}"')
    changed = run("check")
    assert (changed.returncode, "the data changed" in changed.stdout) == (1, True)
    gone = f"ds_{'0' * 32}"
    write(f'"{gone}"')
    refused = run("check")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("pmpo: [prompts.city] ") and gone in refused.stderr, refused.stderr
    assert refused.stderr.count("\n") == 1
