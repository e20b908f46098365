"""Completion as shells ask for it: installed in a home of its own, on the whole system, and typed in a real bash."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import pmpo
from tests.documented import COMPLETION
from tests.integration.conftest import Jobs, Stack, Undisturbed, clean_environment, wait_for
from tests.shells import Terminal, asked_by_fish, asked_by_zsh, offered

NASTY = "$(touch owned) `touch owned` \"quoted\" 'single' (round) [/b] a:b; rm"
PLAIN = re.compile(r"[\w ,.-]+")


@dataclass(frozen=True)
class Things:
    """Ids of what the API keeps."""

    succeeded: str
    paused: str
    dataset: str
    schedule: str
    key: str


@pytest.fixture(scope="module")
def things(stack: Stack, undisturbed: Undisturbed, small_job: dict[str, Any]) -> Iterator[Things]:
    with httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as api:
        rows = "".join(json.dumps(row) + "\n" for row in small_job["dataset"]["train"])
        dataset = api.post("/v1/datasets", content=rows, params={"name": NASTY}).json()["id"]
        when = {"cron": "@yearly", "name": NASTY, "job": small_job}
        schedule = api.post("/v1/schedules", json=when).json()["id"]
        key = api.post("/v1/keys", json={"name": "a laptop's"}).json()["id"]
        for text in ("Name the city.", "City?"):
            api.post("/v1/prompts/completed.prompt/versions", json={"prompt": text}).raise_for_status()
        api.post("/v1/prompts/completed.prompt/promote", json={"version": 1}).raise_for_status()
        paused = Jobs(api).submit({**small_job, "name": NASTY, "optimizer": {"iterations": 200}})
        api.post(f"/v1/jobs/{paused}/pause").raise_for_status()
        wait_for(lambda: Jobs(api).view(paused)["state"] == "paused", "the rest of the job")
        yield Things(undisturbed.result["job_id"], paused, dataset, schedule, key)
        for path in (f"/v1/schedules/{schedule}", f"/v1/datasets/{dataset}", f"/v1/keys/{key}"):
            api.delete(path).raise_for_status()
        api.post(f"/v1/jobs/{paused}/cancel").raise_for_status()
        Jobs(api).finish(paused)


def test_ids_and_names_are_offered(stack: Stack, things: Things) -> None:
    at = {"PMPO_URL": stack.api}
    assert {things.succeeded, things.paused} <= set(offered("status", "", **at))
    assert offered("status", things.succeeded[:15], **at) == [things.succeeded]
    assert things.dataset in offered("datasets", "rm", "ds_", **at)
    assert things.schedule in offered("schedule", "rm", "", **at)
    assert things.key in offered("keys", "revoke", "", **at)
    assert offered("prompts", "get", "completed", **at) == ["completed.prompt"]
    assert offered("prompts", "diff", "completed.prompt", "", **at) == ["production", "latest", "2", "1"]
    assert offered("prompts", "rollback", "completed.prompt", "--label", "p", **at) == ["production"]
    assert offered("prompts", "get", "completed.prompt", "--version", "", **at) == ["2", "1"]


def test_a_command_is_offered_the_jobs_that_it_can_do_something_with(stack: Stack, things: Things) -> None:
    for command, is_for_succeeded in (("result", True), ("delete", True), ("resume", False), ("cancel", False)):
        found = offered(command, "", PMPO_URL=stack.api)
        assert (things.succeeded in found, things.paused in found) == (is_for_succeeded, not is_for_succeeded), command


def test_zsh_and_fish_also_get_what_it_is_in_harmless_letters(stack: Stack, things: Things) -> None:
    for line, wanted in (("pmpo datasets rm ", things.dataset), (f"pmpo status --url {stack.api} ", things.paused)):
        settings = {} if stack.api in line else {"PMPO_URL": stack.api}
        zsh, fish = asked_by_zsh(line, **settings), asked_by_fish(line, **settings)
        assert (zsh.stderr, fish.stderr) == ("", "")
        for pairs in (
            re.findall(r'"(.*?)":"(.*?)"', zsh.stdout),
            [row.split("\t") for row in fish.stdout.splitlines()],
        ):
            about = dict(pairs)[wanted]
            assert about.startswith("touch owned") and PLAIN.fullmatch(about), about
        assert re.fullmatch(r"""_arguments '\*: :\(\(("[\w-]+":"[\w ,.-]+"\s*)+\)\)'\s""", zsh.stdout), zsh.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home, and beside it the `pmpo` command of this checkout."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "pmpo"
    checkout = str(Path(pmpo.__file__).parents[1])
    program = f"import sys\n\nsys.path.insert(0, {checkout!r})\nfrom pmpo.cli.main import run\n\nrun()\n"
    command.write_text(f"#!{sys.executable}\n{program}", encoding="utf-8")
    command.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    return home


def surroundings(home: Path) -> dict[str, str]:
    path = clean_environment()["PATH"]
    return {"HOME": str(home), "PATH": f"{home.parent / 'bin'}:{path}"}


def in_bash(home: Path, line: str) -> str:
    """What ``line`` prints when it is typed in bash; the second command keeps bash from making way for the first."""
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{line}; exit $?"],
        env=clean_environment(**surroundings(home)),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_documented_lines_install_it_in_bash(home: Path) -> None:
    install, show = (" ".join(("pmpo", *words)) for words in COMPLETION.commands())
    script = in_bash(home, show)
    assert "complete -o default -F _pmpo_completion pmpo" in script
    for _ in range(2):
        assert "bash completion installed in" in in_bash(home, install)
    [installed] = (home / ".bash_completions").iterdir()
    assert installed.read_text(encoding="utf-8").strip() == script.strip()
    assert (home / ".bashrc").read_text(encoding="utf-8").count(f"source '{installed}'") == 1
    assert in_bash(home, "source ~/.bashrc; complete -p pmpo") == "complete -o default -F _pmpo_completion pmpo\n"


def test_the_tab_key_in_bash_completes_ids_and_files(home: Path, stack: Stack, things: Things) -> None:
    in_bash(home, " ".join(("pmpo", *COMPLETION.commands()[0])))
    (home / "a-job.yaml").touch()
    terminal = Terminal(home, PMPO_URL=stack.api, **surroundings(home))
    try:
        for typed, completed in (
            (f"pmpo status {things.paused[:15]}", things.paused),
            ("pmpo datasets rat", "pmpo datasets rationalize "),
            ("pmpo submit a-j", "a-job.yaml "),
            ("pmpo score --data a-j", "a-job.yaml "),
        ):
            terminal.type(f"{typed}\t")
            terminal.wait_for(completed)
            terminal.type("\x15")  # Ctrl-U: away with the line
    finally:
        terminal.close()
