"""A schedule on the whole system: the document's commands, and a job that the janitor makes when its time comes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.store import keys
from services.store.connection import connect_blocking
from tests.integration.conftest import Jobs, Stack, running, start_stack, wait_for

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from pmpo.cli.main import run; run()"]


@pytest.fixture
def job_file(tmp_path: Path, small_job: dict[str, Any]) -> Path:
    rows = "".join(json.dumps(row) + "\n" for row in small_job["dataset"]["train"])
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    body = {**small_job, "dataset": {"train": "rows.jsonl"}, "optimizer": {"iterations": 1, "variants": 1}}
    path = tmp_path / "job.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    (tmp_path / "job.yaml").write_text(json.dumps(body), encoding="utf-8")  # JSON is YAML
    return path


def pmpo(stack: Stack, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PMPO_")}
    environment = {**kept, "COLUMNS": "100", "PMPO_URL": stack.api}
    return subprocess.run([*COMMAND, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.timeout(300)
def test_the_commands_of_the_document_run_in_its_order(stack: Stack, job_file: Path) -> None:
    text = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    schedule_id = ""
    for line in block.splitlines():
        words = [schedule_id if word == "ID" else word for word in shlex.split(line, comments=True)]
        assert words[:2] == ["pmpo", "schedule"]
        ran = pmpo(stack, job_file.parent, *words[1:])
        assert ran.returncode == 0, (line, ran.stderr)
        if words[2] == "add":
            schedule_id = ran.stdout.strip()
            assert re.search(r"The first job is made at \d{4}-\d\d-\d\d \d\d:\d\d", ran.stderr)
        if words[2] == "list":
            assert schedule_id in ran.stdout and "22:00-06:00" in ran.stdout
        if words[2] == "show":
            assert re.search(
                r"^next job +\d{4}-\d\d-\d\d \d\d:\d\d.*\nlast job +-\nlast time +-$", ran.stdout, re.MULTILINE
            )
        if words[2] == "pause":
            assert ran.stdout == f"schedule {schedule_id} is paused\n"
            assert "paused since" in " ".join(
                pmpo(stack, job_file.parent, "schedule", "show", schedule_id).stdout.split()
            )
        if words[2] == "resume":
            assert ran.stdout.startswith(f"schedule {schedule_id} goes on; its next time: 2")
    assert schedule_id not in pmpo(stack, job_file.parent, "schedule", "list").stdout


@pytest.mark.timeout(300)
def test_what_cannot_be_scheduled_is_one_sentence(stack: Stack, job_file: Path) -> None:
    never = pmpo(stack, job_file.parent, "schedule", "add", "job.json", "--cron", "0 0 31 2 *")
    assert (never.returncode, never.stdout) == (2, "")
    assert never.stderr == "pmpo: cron: '0 0 31 2 *' never fires: no date fits it; correct day and month\n"
    for option, value, said in (
        ("--timezone", "Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("--overlap", "wait", "--overlap is 'wait'; give skip or queue"),
        ("--window", "22-6", "window: '22-6' is no window of the day"),
    ):
        refused = pmpo(stack, job_file.parent, "schedule", "add", "job.json", "--cron", "@daily", option, value)
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
    gone = pmpo(stack, job_file.parent, "schedule", "rm", "sch_0", "--json")
    assert (gone.returncode, json.loads(gone.stdout)["error"]["code"]) == (2, "not_found")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_job_is_made_when_its_time_comes_and_runs_to_its_end(
    stack: Stack, job_file: Path, api: httpx.Client, jobs: Jobs
) -> None:
    added = pmpo(stack, job_file.parent, "schedule", "add", "job.json", "--cron", "* * * * *", "--json")
    assert added.returncode == 0, added.stderr
    path = f"/v1/schedules/{json.loads(added.stdout)['id']}"

    def made() -> str | None:
        return api.get(path).json()["last_job_id"]

    job_id = str(wait_for(made, "the first job of the schedule", 150))
    assert pmpo(stack, job_file.parent, "schedule", "rm", path.rsplit("/", 1)[1]).returncode == 0
    view = jobs.finish(job_id)
    assert (view["state"], view["name"]) == ("succeeded", "small")
    assert api.get(path).status_code == 404


def come_due(redis_url: str, schedule_id: str) -> None:
    """Let its next time have come a moment ago."""
    with contextlib.closing(connect_blocking(redis_url)) as redis:
        redis.hset(keys.schedule(schedule_id), "next_at", str(int(time.time())))
        redis.zadd(keys.DUE_SCHEDULES, {schedule_id: time.time()})


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_full_project_and_a_pause_are_known_to_the_workers_and_after_a_restart(
    tmp_path: Path, small_job: dict[str, Any]
) -> None:
    settings = {"PMPO_LEASE_S": "3", "PMPO_STATE_DIR": str(tmp_path), "PMPO_API_MAX_ACTIVE_JOBS_PER_PROJECT": "1"}

    def outcome(api: httpx.Client, path: str) -> str | None:
        last = api.get(path).json()["last_outcome"]
        return last and str(last["decision"])

    with running(start_stack("--workers", "1", **settings)) as stack, httpx.Client(base_url=stack.api) as api:
        body = {"cron": "0 0 1 1 *", "job": {**small_job, "optimizer": {"iterations": 1, "variants": 1}}}
        spec = {**body, "catch_up": "once"}
        ids = [str(api.post("/v1/schedules", json=spec).json()["id"]) for _ in range(2)]
        nightly, resting = (f"/v1/schedules/{each}" for each in ids)
        paused = api.post(f"{resting}/pause").json()
        job = f"/v1/jobs/{api.post('/v1/jobs', json=body['job']).json()['id']}"
        api.post(f"{job}/pause")
        come_due(str(stack.ready["redis"]), ids[0])
        wait_for(lambda: outcome(api, nightly) == "refused", "the refusal")
        assert "1 jobs of this project are not over and 1 may be" in api.get(nightly).json()["last_outcome"]["detail"]
        assert api.post(f"{job}/cancel").status_code == 202
    with running(start_stack("--workers", "1", **settings)) as stack, httpx.Client(base_url=stack.api) as api:
        assert api.get(resting).json() == paused
        assert outcome(api, nightly) == "refused"
        come_due(str(stack.ready["redis"]), ids[0])
        wait_for(lambda: outcome(api, nightly) == "made", "the job")
        assert api.get(nightly).json()["num_runs"] == 1
        assert api.get(resting).json() == paused
