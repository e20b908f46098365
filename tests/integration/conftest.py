"""One embedded stack for all tests of this folder: real Redis, real worker processes, nano, real HTTP."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
WAIT_S = 110.0
LEASE_S = "3"


@dataclass(frozen=True)
class Stack:
    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def api(self) -> str:
        return str(self.ready["api"])

    def workers(self) -> list[int]:
        return [pid for pid in children_of(self.process.pid) if "services.worker" in command_of(pid)]

    def horses(self) -> dict[int, int]:
        """Work horse by worker."""
        return {worker: horse for worker in self.workers() for horse in children_of(worker)}


def children_of(pid: int) -> list[int]:
    """Direct children, zombies left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found


def family_of(pid: int) -> list[int]:
    """Children, their children, and so on."""
    direct = children_of(pid)
    return direct + [each for child in direct for each in family_of(child)]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(is_met: Callable[[], Any], what: str, limit_s: float = WAIT_S) -> Any:
    """The first true answer; a generous limit, so that a hang is a failure and not a stop."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = is_met()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come to pass within {limit_s} s")


def clean_environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PMPO_")}
    return {**kept, "PYTHONSAFEPATH": "1", **settings}


def start_stack(*options: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "services.stack", "--api-port", "0", "--scorer-port", "0", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(**settings),
        text=True,
    )


@contextmanager
def running(process: subprocess.Popen[str]) -> Iterator[Stack]:
    """The stack when it is ready; stopped in the end, whatever happened."""
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"the stack did not start: {process.communicate()[1]}")
        yield Stack(process, json.loads(line))
    finally:
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers with short leases, and a scorer whose answers do not depend on what else it does."""
    folder = tmp_path_factory.mktemp("stack")
    settings = {"PMPO_LEASE_S": LEASE_S, "PMPO_SCORER_DETERMINISTIC": "true", "PMPO_STATE_DIR": str(folder)}
    process = start_stack("--workers", "2", **settings)
    with running(process) as started:
        yield started
        family = family_of(process.pid)
        process.terminate()
        assert process.wait(60) == 0
        assert not any(is_alive(pid) for pid in family), "a process outlived its stack"


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def small_job() -> dict[str, Any]:
    """24 rows of the bundled job and two short rounds: some seconds of work."""
    lines = (ROOT / "examples" / "data" / "review-city.jsonl").read_text().splitlines()
    return {
        "name": "small",
        "prompt": "Process the input. Take your time. This is very important.",
        "dataset": {"train": [json.loads(line) for line in lines[:24]]},
        "optimizer": {"iterations": 2, "hard_examples": 2, "variants": 2, "patience": 2},
        "constraints": {"max_prompt_tokens": 80},
        "max_answer_tokens": 16,
        "seed": 3,
    }


class Jobs:
    """What the tests ask of the API."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def submit(self, job: dict[str, Any]) -> str:
        answer = self.client.post("/v1/jobs", json=job)
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
        return str(answer.json()["id"])

    def view(self, job_id: str, wait_s: int = 0) -> dict[str, Any]:
        answer = self.client.get(f"/v1/jobs/{job_id}", params={"wait": wait_s})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def finish(self, job_id: str) -> dict[str, Any]:
        final = ("succeeded", "failed", "cancelled")

        def when_over() -> dict[str, Any] | None:
            view = self.view(job_id, wait_s=10)
            return view if view["state"] in final else None

        return dict(wait_for(when_over, f"the end of job {job_id}"))

    def events(self, job_id: str, after: int = 0) -> list[dict[str, Any]]:
        return list(self.client.get(f"/v1/jobs/{job_id}/events", params={"after": after}).json()["events"])

    def result(self, job_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/jobs/{job_id}/result")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_for_event(self, job_id: str, kind: str) -> None:
        wait_for(lambda: any(event["kind"] == kind for event in self.events(job_id)), f"event {kind}")


@pytest.fixture
def jobs(api: httpx.Client) -> Jobs:
    return Jobs(api)


@dataclass(frozen=True)
class Undisturbed:
    view: dict[str, Any]
    result: dict[str, Any]
    events: list[dict[str, Any]]


@pytest.fixture(scope="session")
def undisturbed(stack: Stack, small_job: dict[str, Any]) -> Undisturbed:
    """The small job, run without any disturbance: what every other run of it must end with."""
    with httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as client:
        jobs = Jobs(client)
        job_id = jobs.submit(small_job)
        view = jobs.finish(job_id)
        assert view["state"] == "succeeded", view
        return Undisturbed(view, jobs.result(job_id), jobs.events(job_id))


NOT_REPEATABLE = ("job_id", "seconds", "computed_tokens", "repeated_tokens")


def repeatable(value: Any) -> Any:
    """A result or an event without what may differ between two runs."""
    if isinstance(value, dict):
        return {key: repeatable(item) for key, item in value.items() if key not in NOT_REPEATABLE}
    if isinstance(value, list):
        return [repeatable(item) for item in value]
    return value
