"""The command line against the whole system: real Redis, API, worker, scorer and model."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pmpo.cli.embedded import StackAddresses, StackOptions, running_stack
from pmpo.client import Client
from tests.documented import STARTS_ITS_OWN
from tests.public_data import public_data

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from pmpo.cli.main import run; run()"]
CITIES = ["Oslo", "Lima", "Rome", "Cairo", "Quito", "Delhi", "Paris", "Tokyo", "Berlin", "Madrid", "Dublin", "Vienna"]
SMALL = "{iterations: 1, hard_examples: 1, variants: 2, patience: 1}"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackAddresses]:
    with running_stack(StackOptions(state_dir=tmp_path_factory.mktemp("state"))) as running:
        yield running.addresses


@pytest.fixture
def pmpo(stack: StackAddresses) -> Run:
    """The command as a process of its own, with the stack's API as PMPO_URL."""
    return lambda *arguments, **settings: run_pmpo(*arguments, PMPO_URL=stack.api, **settings)


def run_pmpo(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=environment(**settings))


def environment(**settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PMPO_")}
    return {**inherited, "COLUMNS": "80", **settings}


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return write_job(tmp_path)


def write_job(
    folder: Path, *, num_rows: int = 30, more: str = "", optimizer: str = SMALL, prompt: str = "Do it."
) -> Path:
    rows = [
        {"input": f"We loved {CITIES[number % 12]}, part {number}.", "target": CITIES[number % 12]}
        for number in range(num_rows)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(lines, encoding="utf-8")
    path = folder / "job.yaml"
    body = f"name: cities\nprompt: {json.dumps(prompt)}\ndataset: {{train: rows.jsonl}}\noptimizer: {optimizer}\n"
    path.write_text(f"{body}max_answer_tokens: 8\n{more}", encoding="utf-8")
    return path


def test_submit_status_result(pmpo: Run, stack: StackAddresses, job: Path) -> None:
    submitted = pmpo("submit", str(job), "--seed", "4")
    assert (submitted.returncode, submitted.stderr) == (0, "")
    job_id = submitted.stdout.strip()
    with Client(stack.api) as client:
        assert client.wait(job_id).state == "succeeded"
    status = json.loads(pmpo("status", job_id, "--json").stdout)
    assert (status["state"], status["name"], status["splits"]["train"]) == ("succeeded", "cities", 15)
    assert "succeeded" in pmpo("status", job_id).stdout
    found = json.loads(pmpo("result", job_id, "--json").stdout)
    assert found["job_id"] == job_id and found["prompt_before"] == "Do it."
    shown = pmpo("result", job_id)
    assert shown.returncode == 0 and f"Verdict: {found['verdict']}" in shown.stdout
    assert f"{found['scored_tokens']:,} tokens scored" in " ".join(shown.stdout.split())
    report = json.loads(pmpo("report", job_id, "--losses", "--json").stdout)
    assert len(report["outcome"]["test_losses"]["rows"]) == 9
    told = pmpo("report", job_id)
    assert told.returncode == 0 and "Candidates: 1 seed" in told.stdout
    difference = json.loads(pmpo("diff", job_id, "--json").stdout)
    assert difference["prompt_after"] == report["outcome"]["prompt_after"] == found["prompt_after"]


def test_optimize_on_a_running_api(pmpo: Run, job: Path) -> None:
    done = pmpo("optimize", str(job))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"Job \w+: cities\n  rows     15 to train, 6 to validate, 9 to test\n", done.stdout)
    assert re.search(r"^iteration 1/1: train loss \d", done.stdout, re.MULTILINE)
    assert "Verdict: " in done.stdout and "\x1b[" not in done.stdout


def test_optimize_json(pmpo: Run, job: Path) -> None:
    done = pmpo("optimize", str(job), "--json", "--seed", "2")
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert found["state"] == "succeeded"
    assert found["train_loss_after"] <= found["train_loss_before"]
    assert found["test_loss_before"] > 0


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_the_bundled_job_gets_better_whatever_the_seed(pmpo: Run, seed: str) -> None:
    ran = pmpo("optimize", str(ROOT / "examples" / "review-city.yaml"), "--json", "--seed", seed)
    found = json.loads(ran.stdout)
    assert (ran.returncode, found["verdict"]) == (0, "confirmed")
    assert found["test_accuracy_after"] - found["test_accuracy_before"] >= 0.5
    assert found["test_loss_after"] < found["test_loss_before"]


def test_the_job_on_public_data_ends_below_its_start(pmpo: Run) -> None:
    ran = pmpo("optimize", str(ROOT / "examples" / "bbh-navigate.yaml"), "--json", PMPO_DATA_DIR=str(public_data()))
    found = json.loads(ran.stdout)
    assert ran.returncode == 0
    assert found["train_loss_after"] < found["train_loss_before"]


def test_cancel(pmpo: Run, stack: StackAddresses, tmp_path: Path) -> None:
    long = write_job(tmp_path, optimizer="{iterations: 200, hard_examples: 3, variants: 4, patience: 200}")
    job_id = pmpo("submit", str(long)).stdout.strip()
    cancelled = pmpo("cancel", job_id)
    assert cancelled.returncode == 0
    assert cancelled.stdout.strip() in (f"job {job_id} is cancelling", f"job {job_id} is cancelled")
    with Client(stack.api) as client:
        assert client.wait(job_id).state == "cancelled"
    assert_refused(pmpo("result", job_id), 2, "has no result")
    assert_refused(pmpo("cancel", job_id), 2, "already")


def test_a_file_that_is_not_there(pmpo: Run, tmp_path: Path) -> None:
    assert_refused(pmpo("submit", str(tmp_path / "no.yaml")), 2, "no.yaml")
    job = write_job(tmp_path)
    (tmp_path / "rows.jsonl").unlink()
    assert_refused(pmpo("submit", str(job)), 2, "rows.jsonl was not found")


def test_malformed_rows(pmpo: Run, job: Path) -> None:
    rows = job.parent / "rows.jsonl"
    rows.write_text(rows.read_text().replace('"target": "Rome"', '"target" "Rome"', 1))
    assert_refused(pmpo("submit", str(job)), 2, "rows.jsonl, line 3")


def test_an_unknown_key(pmpo: Run, tmp_path: Path) -> None:
    job = write_job(tmp_path, more="constrains: {max_prompt_tokens: 9}\n")
    assert_refused(pmpo("optimize", str(job)), 2, "did you mean 'constraints'?")


def test_what_the_api_refuses(pmpo: Run, tmp_path: Path) -> None:
    assert_refused(pmpo("submit", str(write_job(tmp_path, num_rows=2))), 2, "at least 3")
    assert_refused(pmpo("submit", str(write_job(tmp_path, prompt="Fix {{txt}}."))), 2, "txt")
    assert_refused(pmpo("submit", str(write_job(tmp_path, more="budget: {scored_tokens: 10}\n"))), 2, "scored")
    job = write_job(tmp_path)
    rows = tmp_path / "rows.jsonl"
    rows.write_text(rows.read_text() + json.dumps({"input": "very " * 5000, "target": "Rome"}) + "\n")
    assert_refused(pmpo("submit", str(job)), 2, "30")


def test_an_unknown_job(pmpo: Run) -> None:
    for command in ("status", "cancel", "result"):
        assert_refused(pmpo(command, "nobody"), 2, "nobody")


def test_a_dead_api(job: Path) -> None:
    for command in (["submit", str(job)], ["optimize", str(job)], ["status", "x"]):
        done = run_pmpo(*command, PMPO_URL="http://127.0.0.1:9")
        assert_refused(done, 3, "no PMPO API answers at http://127.0.0.1:9; start one with `pmpo up` or set PMPO_URL")


def test_a_port_in_use(stack: StackAddresses) -> None:
    port = stack.api.rpartition(":")[2]
    done = run_pmpo("up", "--api-port", port, "--scorer-port", "0")
    assert_refused(done, 2, f"port {port}")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_optimize_starts_what_it_needs(job: Path) -> None:
    with Client("http://127.0.0.1:8000") as client:
        if client.is_alive():
            pytest.skip("an API runs at the default address")
    done = run_pmpo("optimize", str(job))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Starting Redis, scorer, API and worker\n")
    assert "Verdict: " in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    command = [*COMMAND, *STARTS_ITS_OWN.command("up")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path) as running:
        assert running.stdout is not None
        addresses = read_object(running.stdout)
        assert httpx.get(f"{addresses['api']}/readyz").status_code == 200
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    assert (tmp_path / "state" / "api.log").is_file()
    for name in ("api", "scorer"):
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{addresses[name]}/healthz")


def read_object(stream: Any) -> dict[str, str]:
    text = ""
    for line in stream:
        text += line
        if line == "}\n":
            break
    found: dict[str, str] = json.loads(text)
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_readme_s_curl_lines(stack: StackAddresses, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(readme_block("json", "dataset"), encoding="utf-8")
    block = readme_block("sh", "curl").replace("http://127.0.0.1:8000", stack.api)
    submit, wait, result = block.splitlines()
    job_id = json.loads(bash(submit, tmp_path))["id"]
    assert json.loads(bash(wait.replace("ID", job_id), tmp_path))["id"] == job_id
    with Client(stack.api) as client:
        assert client.wait(job_id).state == "succeeded"
    assert json.loads(bash(result.replace("ID", job_id), tmp_path))["job_id"] == job_id


def test_the_readme_s_python_lines(stack: StackAddresses, job: Path) -> None:
    program = readme_block("python", "Client(").replace("http://127.0.0.1:8000", stack.api)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=job.parent, capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def readme_block(language: str, part: str) -> str:
    """The one code block of that language with ``part`` in it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    [block] = [block for block in blocks if part in block]
    return block


def bash(line: str, folder: Path) -> str:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, cwd=folder).stdout


def test_every_route_is_documented(stack: StackAddresses) -> None:
    documented = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    routes = httpx.get(f"{stack.api}/openapi.json").json()["paths"]
    for path, methods in routes.items():
        for method in methods:
            assert f"`{method.upper()} {re.sub(r'{[a-z]+_id}', '{id}', path)}`" in documented, (method, path)


def assert_refused(done: subprocess.CompletedProcess[str], code: int, part: str) -> None:
    """One sentence on stderr, nothing on stdout, no traceback."""
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("pmpo: "), done.stderr
    assert part in done.stderr
    assert done.returncode == code
