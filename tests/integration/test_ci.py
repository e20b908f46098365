"""`pmpo ci` in a real git repository against the whole system: unchanged, worsened, repaired."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from tests.integration.conftest import Stack

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from pmpo.cli.main import run; run()"]
GOOD = (
    "Say which city is named in the review. Use uppercase letters for the answer. "
    "Put the output between square brackets. Write 'Answer:' before it."
)
BAD = "Process the input. Take your time. This is very important."
CONFIG = """
[job]
optimizer = {iterations = 2, hard_examples = 2, variants = 2}
constraints = {max_prompt_tokens = 80}
max_answer_tokens = 16
seed = 3

[datasets]
cities = {train = "data/cities.jsonl"}

[prompts.city]
file = "prompts/city.txt"
dataset = "cities"
task = "Extract the city a review mentions."
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one prompt that is as good as nano's prompts get; nothing is locked."""
    folder = tmp_path / "repository"
    for name in ("prompts", "data"):
        (folder / name).mkdir(parents=True)
    lines = (ROOT / "examples" / "data" / "review-city.jsonl").read_text(encoding="utf-8").splitlines()[:40]
    (folder / "data" / "cities.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "prompts" / "city.txt").write_text(f"{GOOD}\n", encoding="utf-8")
    (folder / "pmpo.toml").write_text(CONFIG, encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "Start")
    return folder


@pytest.fixture
def ci(stack: Stack, repository: Path) -> Run:
    """`pmpo ci` as a process of its own in the repository, with the stack's API as PMPO_URL."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PMPO_", "GITHUB_"))}
        environment = {**kept, "COLUMNS": "80", "PMPO_URL": stack.api, **settings}
        return subprocess.run(
            [*COMMAND, "ci", *arguments], cwd=repository, env=environment, capture_output=True, text=True
        )

    return run


def num_jobs(stack: Stack) -> int:
    return len(httpx.get(f"{stack.api}/v1/jobs", params={"limit": 500}, trust_env=False).json()["jobs"])


def prompt(repository: Path, text: str | None = None) -> Path:
    path = repository / "prompts" / "city.txt"
    if text is not None:
        path.write_bytes(text.encode())
    return path


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_unchanged_passes_worsened_fails_and_a_refresh_repairs_it(ci: Run, stack: Stack, repository: Path) -> None:
    unlocked = ci("check")
    assert (unlocked.returncode, "it is not in the lock" in unlocked.stdout) == (1, True)
    assert ci("refresh", "--keep").returncode == 0
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "Lock")
    before = num_jobs(stack)
    unchanged = ci("check")
    assert (unchanged.returncode, unchanged.stderr) == (0, "")
    assert re.match(r"city +unchanged +loss 0\.\d{3} nats per token\n$", unchanged.stdout)
    assert num_jobs(stack) == before, "an unchanged prompt is not scored"

    prompt(repository, f"{BAD}\r\n")
    worse = ci("check", "--junit", "report.xml")
    assert worse.returncode == 1
    assert "it got worse: the loss rose by" in worse.stdout and "the prompt was edited" in worse.stdout
    assert "1 of 1 prompt failed the check" in worse.stderr
    suite = ElementTree.parse(repository / "report.xml").getroot()[0]
    assert (suite.get("failures"), suite[0].get("name")) == ("1", "city")

    repaired = ci("refresh")
    assert repaired.returncode == 0, repaired.stderr
    written = prompt(repository).read_bytes()
    assert written.endswith(b"\r\n") and BAD.encode() not in written, "line ends stay, the worse prompt does not"
    again = ci("check", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["prompts"][0]["state"] == "unchanged"
    assert ci("refresh").stdout == "Nothing changed; the lock stays as it is.\n"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_comment_tells_before_and_after_with_diff_and_importances(ci: Run, repository: Path, tmp_path: Path) -> None:
    assert ci("refresh", "--keep").returncode == 0
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "Lock")
    prompt(repository, f"{BAD}\n")
    summary = tmp_path / "summary.md"
    summary.write_text("earlier\n", encoding="utf-8")
    told = ci("comment", GITHUB_STEP_SUMMARY=str(summary))
    assert told.returncode == 0, told.stderr
    assert "| `city` | ❌ worse | 0." in told.stdout
    assert f"[-{GOOD.split('.', maxsplit=1)[0]}" in told.stdout
    assert re.search(r"\| `Process the input\.` \| [+-]\d\.\d{3} \|", told.stdout)
    assert summary.read_text(encoding="utf-8") == f"earlier\n{told.stdout}"

    assert ci("refresh", "--keep").returncode == 0
    offline = ci("comment", "--base", "main", "--offline", "--out", "comment.md", PMPO_URL="http://127.0.0.1:9")
    assert (offline.returncode, offline.stdout) == (0, ""), offline.stderr
    text = (repository / "comment.md").read_text(encoding="utf-8")
    assert "| `city` | ❌ worse | 0." in text and "the lock is stale" not in text
    unknown = ci("comment", "--base", "elsewhere", "--offline")
    assert unknown.returncode == 2
    assert "git knows no revision 'elsewhere' here" in unknown.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_not_confirmed_is_written_only_when_told(ci: Run, repository: Path) -> None:
    few = (repository / "data" / "cities.jsonl").read_text(encoding="utf-8").splitlines()[:12]
    (repository / "data" / "cities.jsonl").write_text("\n".join(few) + "\n", encoding="utf-8")
    prompt(repository, BAD)
    kept = ci("refresh", "--json")
    assert kept.returncode == 0, kept.stderr
    [told] = json.loads(kept.stdout)["prompts"]
    assert (told["verdict"], told["is_written"]) == ("untested", False), "12 rows leave none to test with"
    assert prompt(repository).read_bytes() == BAD.encode()
    written = ci("refresh", "--all", "--accept", "--json")
    assert json.loads(written.stdout)["prompts"][0]["is_written"] is True
    assert prompt(repository).read_bytes() != BAD.encode()
    assert not prompt(repository).read_bytes().endswith(b"\n")
    assert ci("check").returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_changed_data_and_settings_make_the_lock_stale_and_are_named(ci: Run, repository: Path) -> None:
    assert ci("refresh", "--keep").returncode == 0
    lines = (repository / "data" / "cities.jsonl").read_text(encoding="utf-8").splitlines()
    (repository / "data" / "cities.jsonl").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    assert ci("check", "--offline").returncode == 0, "line ends of data are no change"
    (repository / "data" / "cities.jsonl").write_text("\n".join(lines[1:]), encoding="utf-8")
    (repository / "pmpo.toml").write_text(CONFIG.replace("seed = 3", "seed = 4"), encoding="utf-8")
    stale = ci("check", "--offline")
    assert stale.returncode == 1
    assert "the data changed" in stale.stdout and "seed" in stale.stdout
    lock = (repository / "pmpo.lock").read_text(encoding="utf-8")
    (repository / "pmpo.lock").write_text(lock.replace('revision = "', 'revision = "old-'), encoding="utf-8")
    changed = ci("check")
    assert changed.returncode == 1
    assert re.search(r"the model 'default' changed: revision is \w+ and was old-", changed.stdout)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_commands_of_the_document_run_in_its_order(ci: Run, repository: Path) -> None:
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert [words[:2] for words in commands] == [["pmpo", "ci"]] * 4
    for words in commands:
        ran = ci(*words[2:])
        assert ran.returncode == 0, (words, ran.stderr)
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "--allow-empty", "--message", words[2])
    assert (repository / "report.xml").is_file()
    assert "| `city` | ✅ unchanged |" in (repository / "comment.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_services_the_numbers_are_the_same(ci: Run, repository: Path) -> None:
    assert ci("refresh", "--keep").returncode == 0
    lock = (repository / "pmpo.lock").read_text(encoding="utf-8")
    (repository / "pmpo.lock").unlink()
    nowhere = {"PMPO_URL": "http://127.0.0.1:9"}
    assert ci("refresh", "--keep", "--local", **nowhere).returncode == 0
    again = (repository / "pmpo.lock").read_text(encoding="utf-8")
    numbers = [[float(found) for found in re.findall(r"loss = ([0-9.e-]+)", text)] for text in (lock, again)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-4)
    assert re.sub(r"loss = [0-9.e-]+", "", lock) == re.sub(r"loss = [0-9.e-]+", "", again)
    refused = ci("check", "--local", "--url", "http://127.0.0.1:9")
    assert (refused.returncode, "give one of the two" in refused.stderr) == (2, True)


@pytest.mark.timeout(300)
def test_bad_input_is_one_sentence(ci: Run, repository: Path) -> None:
    (repository / "pmpo.lock").write_text('format = 99\nwritten_by = "9.0"\n', encoding="utf-8")
    newer = ci("check")
    assert (newer.returncode, newer.stdout) == (2, "")
    assert "it was written by pmpo 9.0; install that version or a later one" in newer.stderr
    (repository / "pmpo.lock").unlink()
    prompt(repository, "")
    empty = ci("check")
    assert (empty.returncode, empty.stderr) == (
        2,
        "pmpo: [prompts.city] prompts/city.txt is empty; write a prompt into it\n",
    )
    prompt(repository).unlink()
    assert "[prompts.city] city.txt was not found in" in ci("check", "--offline").stderr
    prompt(repository, GOOD)
    (repository / "pmpo.toml").write_text(CONFIG.replace("variants", "varients"), encoding="utf-8")
    assert "unknown key 'optimizer.varients', did you mean 'optimizer.variants'?" in ci("check", "--offline").stderr
    (repository / "pmpo.toml").write_text(f'{CONFIG}models = {{target = "big"}}\n', encoding="utf-8")
    assert "the service has no model 'big'; it has: default" in ci("check").stderr
    (repository / "pmpo.toml").unlink()
    assert "there is no pmpo.toml; write one (docs/ci.md shows how)" in ci("check").stderr
    assert ci("check", "nobody", "--config", "elsewhere.toml").returncode == 2
    gone = ci("refresh", "--accept", "--keep")
    assert (gone.returncode, "give one of the two" in gone.stderr) == (2, True)
