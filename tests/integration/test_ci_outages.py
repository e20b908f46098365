"""`pmpo ci` when the service goes away or the key is revoked halfway: nothing half-written, and nothing paid twice."""

from __future__ import annotations

import codecs
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from pmpo.ci.lock import read_lock
from services.stack.options import free_port

from .conftest import Stack, clean_environment, wait_for

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from pmpo.cli.main import run; run()", "ci"]
BAD = "Process the input.\r\nTake your time. This is very important.\r\n"
WINDOWS = codecs.BOM_UTF8 + BAD.encode()
CONFIG = """
[job]
optimizer = {{iterations = 1, hard_examples = 2, variants = 2}}
constraints = {{max_prompt_tokens = 80}}
max_answer_tokens = 16
seed = {seed}
dataset = {{train = "cities.jsonl"}}

[prompts.first]
file = "first.txt"

[prompts.second]
file = "second.txt"
"""


@dataclass
class Api:
    """An API on the stack's Redis and scorer that can go and come back at the same address."""

    stack: Stack
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        places = {
            "PMPO_REDIS_URL": str(self.stack.ready["redis"]),
            "PMPO_SCORER_PORT": str(urlsplit(str(self.stack.ready["scorer"])).port),
            "PMPO_API_PORT": str(self.port),
        }
        command = [sys.executable, "-P", "-m", "services.api"]
        environment = clean_environment(**places, **self.settings)
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        wait_for(self._answers, "the API")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


@dataclass
class World:
    """A repository, an API that can go away, and the stack's own API, which sees all jobs and stays."""

    folder: Path
    api: Api
    at: httpx.Client
    num_before: int
    key: str = ""

    @property
    def out(self) -> Path:
        return self.folder.with_name("stdout.txt")

    @property
    def err(self) -> Path:
        return self.folder.with_name("stderr.txt")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        settings = {"PMPO_URL": self.api.url, "COLUMNS": "80", "PMPO_API_KEY": self.key}
        environment = clean_environment(**{name: value for name, value in settings.items() if value})
        with self.out.open("w") as out, self.err.open("w") as err:
            return subprocess.Popen(
                [*COMMAND, *arguments], cwd=self.folder, env=environment, stdout=out, stderr=err, text=True
            )

    def ended(self, process: subprocess.Popen[str]) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command."""
        process.wait(240)
        return process.returncode, self.out.read_text(encoding="utf-8"), self.err.read_text(encoding="utf-8")

    def run(self, *arguments: str) -> tuple[int, str, str]:
        return self.ended(self.start(*arguments))

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs that this test's commands made, the newest first."""
        found = self.at.get("/v1/jobs", params={"limit": 500}).json()["jobs"]
        return list(found[: len(found) - self.num_before])

    def await_job(self, number: int, *, is_watched: bool = True) -> str:
        """The id of the test's job of that number; a command that shows it does so already."""
        wait_for(lambda: len(self.jobs()) == number, f"job {number}")
        job_id = str(self.jobs()[0]["id"])
        wait_for(lambda: not is_watched or f"Job {job_id}" in self.out.read_text(encoding="utf-8"), "the job's name")
        return job_id

    def hold(self, number: int) -> str:
        """The id of the test's job of that number, which is paused at once."""
        wait_for(lambda: len(self.jobs()) == number, f"job {number}")
        self.at.post(f"/v1/jobs/{self.jobs()[0]['id']}/pause").raise_for_status()
        return self.await_job(number)

    @contextmanager
    def no_work(self) -> Iterator[None]:
        """While it lasts no job begins or goes on: a measurement is over before anybody could pause it."""
        processes = [*self.api.stack.workers(), *self.api.stack.horses().values()]
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)

    def release(self, job_id: str) -> None:
        self.at.post(f"/v1/jobs/{job_id}/resume").raise_for_status()

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def prompt(self, name: str) -> bytes:
        return (self.folder / f"{name}.txt").read_bytes()

    def locked(self) -> set[str]:
        return set(read_lock((self.folder / "pmpo.lock").read_text(encoding="utf-8"), "pmpo.lock").prompts)


@pytest.fixture
def world(stack: Stack, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """The seed is the test's own, so that no job of another test is the same job."""
    folder = tmp_path / "repository"
    folder.mkdir()
    lines = (ROOT / "examples" / "data" / "review-city.jsonl").read_text(encoding="utf-8").splitlines()[:40]
    (folder / "cities.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in ("first", "second"):
        (folder / f"{name}.txt").write_bytes(WINDOWS)
    seed = sum(request.node.name.encode())
    (folder / "pmpo.toml").write_text(CONFIG.format(seed=seed), encoding="utf-8")
    with httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as at:
        num_before = len(at.get("/v1/jobs", params={"limit": 500}).json()["jobs"])
        api = Api(stack)
        try:
            yield World(folder, api, at, num_before)
        finally:
            api.kill()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_service_that_goes_away_halfway_leaves_what_is_finished_and_is_taken_up_again(world: World) -> None:
    world.api.start()
    names = world.names()
    refresh = world.start("refresh", "--accept")
    job_id = world.hold(3)  # the first prompt took two: its search and its measurement
    world.api.kill()
    status, out, err = world.ended(refresh)
    assert status == 3, (out, err)
    last = err.splitlines()[-1]
    assert f"lost sight of job {job_id}" in last and "the same command takes it up again within 24 hours" in last
    assert "first: " in out, "what is finished is told"
    assert world.names() == names | {"pmpo.lock"}, "no piece of a file is left"
    assert world.locked() == {"first"}
    assert world.prompt("second") == WINDOWS
    status, _, err = world.run("check")
    assert (status, err.count("\n"), err.count("no PMPO API answers at")) == (3, 1, 1)

    world.api.start()
    world.release(job_id)
    finished = world.prompt("first")
    status, out, err = world.run("refresh", "--accept")
    assert status == 0, err
    assert world.locked() == {"first", "second"}
    assert world.prompt("first") == finished
    assert len(world.jobs()) == 4, "the search that was under way was not paid for again"
    assert job_id in {job["id"] for job in world.jobs()}
    for name in ("first", "second"):
        text = world.prompt(name)
        assert text != WINDOWS and text.startswith(codecs.BOM_UTF8) and text.endswith(b"\r\n")
        assert text.count(b"\n") == text.count(b"\r\n") == text.count(b"\r"), "its line ends stay those of the file"
    assert world.run("check")[0] == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_service_that_comes_back_is_waited_for(world: World) -> None:
    world.api.start()
    with world.no_work():
        refresh = world.start("refresh", "first")
        world.await_job(1)
        world.api.kill()
        wait_for(lambda: "trying again" in world.out.read_text(encoding="utf-8"), "a sentence about the outage")
        world.api.start()
    status, out, err = world.ended(refresh)
    assert status == 0, (out, err)
    assert "trying again (1 of 8)" in out
    assert len(world.jobs()) == 2

    locked = (world.folder / "pmpo.lock").read_bytes()
    (world.folder / "first.txt").write_text("Process it.\n", encoding="utf-8")
    with world.no_work():
        check = world.start("check", "first")
        world.await_job(3, is_watched=False)
        world.api.kill()
        world.api.start()
    status, out, err = world.ended(check)
    assert status == 1, (out, err)
    assert "the prompt was edited" in out
    status, out, _ = world.run("check", "first", "--json")
    assert (status, json.loads(out)["prompts"][0]["changes"][0]["cause"]) == (1, "prompt")
    assert len(world.jobs()) == 3, "the same check asks for the same job"
    assert (world.folder / "pmpo.lock").read_bytes() == locked, "a check writes nothing"
    assert world.run("check", "first", "--score")[0] == 1
    assert len(world.jobs()) == 4, "--score scores anew"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_key_that_is_revoked_halfway_is_one_sentence_and_another_key_goes_on(world: World) -> None:
    world.api.settings["PMPO_API_KEYS"] = "required"
    keys = [world.at.post("/v1/keys", json={"name": "ci"}).json() for _ in range(2)]
    world.api.start()
    world.key = keys[0]["key"]
    refresh = world.start("refresh", "--accept")
    job_id = world.hold(3)
    world.at.delete(f"/v1/keys/{keys[0]['id']}").raise_for_status()
    world.release(job_id)
    status, _, err = world.ended(refresh)
    last = err.splitlines()[-1]
    assert status == 2, err
    assert re.search(r"key \w+ is not known: its secret is another, or it was revoked; ", last), last
    assert world.key not in err
    assert world.locked() == {"first"}
    assert world.prompt("second") == WINDOWS
    status, out, err = world.run("check")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "it was revoked" in err

    world.key = keys[1]["key"]
    assert world.run("refresh", "--accept")[0] == 0
    assert world.locked() == {"first", "second"}
    assert len(world.jobs()) == 4, "the project's other key takes the job up"
