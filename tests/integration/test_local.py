"""Jobs without services: a run that is killed goes on where it stopped, and ends as it would have."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pmpo.client import AsyncClient, Client
from pmpo.client.local.folder import RunsFolder
from pmpo.contracts.jobs import JobSpec
from pmpo.errors import ConflictError, InvalidInputError, NotFoundError
from tests.integration.conftest import clean_environment, repeatable, wait_for

COMMAND = [sys.executable, "-c", "from pmpo.cli.main import run; run()"]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PMPO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PMPO_SCORER_DETERMINISTIC", "true")


@pytest.fixture
def job_file(tmp_path: Path, small_job: dict[str, Any]) -> Path:
    path = tmp_path / "job.json"
    rows = "".join(json.dumps(row) + "\n" for row in small_job["dataset"]["train"])
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    path.write_text(json.dumps({**small_job, "dataset": {"train": "rows.jsonl"}}), encoding="utf-8")
    return path


def optimize(job_file: Path, *options: str) -> subprocess.Popen[str]:
    command = [*COMMAND, "optimize", str(job_file), "--local", "--runs", str(job_file.parent / "runs"), *options]
    environment = clean_environment(PMPO_SCORER_DETERMINISTIC="true")
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_goes_on_and_ends_as_undisturbed(
    job_file: Path, small_job: dict[str, Any], undisturbed: Any, how: signal.Signals
) -> None:
    runs = job_file.parent / "runs"
    process = optimize(job_file)
    journal = lambda: [line for path in runs.glob("*/journal.jsonl") for line in path.read_bytes().splitlines()]  # noqa: E731
    wait_for(lambda: len(journal()) >= 12, "some answers")
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert "--local --resume" in said and said.count("\n") == 1
    kept = journal()
    view = RunsFolder(runs).unfinished(JobSpec.model_validate(small_job))
    assert view is not None and view.state == "paused"
    with (runs / view.id / "journal.jsonl").open("ab") as file:
        file.write(b'{"version": 1, "call": 99')  # cut off by a crash
    out, said = optimize(job_file, "--resume", "--json").communicate(timeout=500)
    assert said == "", said
    assert json.loads(out)["job_id"] == view.id
    result = json.loads((runs / view.id / "result.json").read_bytes())
    assert repeatable(result) == repeatable(undisturbed.result)
    assert (runs / view.id / "journal.jsonl").read_bytes().splitlines()[: len(kept)] == kept
    again = optimize(job_file, "--resume")
    assert "no run of" in again.communicate(timeout=60)[1] and again.returncode == 2


def test_a_scorer_does_not_outlive_who_started_it(job_file: Path) -> None:
    process = optimize(job_file)
    wait_for(lambda: list((job_file.parent / "runs").glob("*/journal.jsonl")), "the first answer")
    [scorer] = [pid for pid in _children(process.pid) if b"services.scorer" in _command(pid)]
    process.kill()
    process.communicate()
    wait_for(lambda: b"services.scorer" not in _command(scorer), "the end of the scorer", 60)


def _children(pid: int) -> list[int]:
    from tests.integration.conftest import children_of

    return children_of(pid)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def test_the_calls_of_a_local_client(tmp_path: Path, small_job: dict[str, Any]) -> None:
    spec = JobSpec.model_validate(small_job)
    async with AsyncClient.local(tmp_path) as client:
        created = await client.create_job(spec)
        assert (await client.pause_job(created.id)).state == "paused"
        page = await client.events(created.id)
        await asyncio.sleep(0.2)
        assert (await client.resume_job(created.id)).state in ("queued", "running")
        async for event in client.iterate_events(created.id, after=page.last):
            if event.kind == "iteration_finished":
                break
        assert (await client.report(created.id)).is_partial
        assert (await client.cancel_job(created.id)).state == "cancelled"
        with pytest.raises(ConflictError):
            await client.result(created.id)
        with pytest.raises(NotFoundError, match="without services"):
            await client.list_datasets()
        with pytest.raises(InvalidInputError):
            await client.create_job(spec.model_copy(update={"prompt": "word " * 2_000}))
        assert [job.id async for job in client.list_jobs(state="cancelled")] == [created.id]
    with Client.local(tmp_path) as blocking:
        assert blocking.get_job(created.id).state == "cancelled"
        with pytest.raises(NotFoundError):
            blocking.get_job("../../etc")
