"""Jobs on two servers, processes of their own, of which one is killed: model servers, and scorers of ours."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.bundled import nano_dir
from services.stack.options import free_port
from tests.integration.conftest import (
    ROOT,
    Jobs,
    Undisturbed,
    clean_environment,
    repeatable,
    running,
    start_stack,
    wait_for,
)

Server = tuple[subprocess.Popen[str], str]


@contextmanager
def killed_in_the_end(processes: list[subprocess.Popen[str]]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    command = [sys.executable, "-m", "tests.serve_model", str(nano_dir()), "vllm"]
    path = f"{ROOT}:{ROOT / 'shared'}"
    environment = {**clean_environment(), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) for _ in range(2)
    ]
    with killed_in_the_end(processes):
        found = []
        for process in processes:
            assert process.stdout is not None
            found.append((process, process.stdout.readline().strip()))
        yield found


@pytest.mark.timeout(400)
def test_a_job_survives_the_death_of_one_of_two_model_servers(
    servers: list[Server], small_job: dict[str, Any], tmp_path: Path
) -> None:
    """It runs twice, with nothing remembered in between: left alone, and with a server killed on the way."""
    settings = {
        "PMPO_SCORER_ENGINE": "remote",
        "PMPO_SCORER_REMOTE_URLS": ",".join(url for _, url in servers),
        "PMPO_SCORER_MEMO_BYTES": "0",
        "PMPO_SCORE_CACHE_BYTES": "0",
        "PMPO_STATE_DIR": str(tmp_path),
    }
    with (
        running(start_stack(**settings)) as stack,
        httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as api,
    ):
        jobs = Jobs(api)
        job_id = jobs.submit(small_job)
        assert jobs.finish(job_id)["state"] == "succeeded"
        expected = jobs.result(job_id)
        job_id = jobs.submit(small_job)
        jobs.wait_for_event(job_id, "iteration_started")
        assert jobs.view(job_id)["state"] == "running"
        servers[0][0].kill()
        view = jobs.finish(job_id)
        result = jobs.result(job_id)
    assert view["state"] == "succeeded", view
    assert servers[0][0].poll() is not None
    assert servers[1][0].poll() is None
    assert result["model"]["engine"] == "remote"
    assert result["generated_tokens"] > 0
    assert repeatable(result) == repeatable(expected)


@pytest.fixture
def scorers() -> Iterator[list[Server]]:
    """Two scorers of nano whose answers do not depend on what else they do; not ready yet."""
    found: list[Server] = []
    for port in (free_port(), free_port()):
        settings = {"PMPO_SCORER_PORT": str(port), "PMPO_SCORER_DETERMINISTIC": "true", "PMPO_LOG_LEVEL": "error"}
        command = [sys.executable, "-P", "-m", "services.scorer"]
        found.append(
            (subprocess.Popen(command, env=clean_environment(**settings), text=True), f"http://127.0.0.1:{port}")
        )
    with killed_in_the_end([process for process, _ in found]):
        yield found


def num_scored(url: str) -> float:
    """Tokens that a scorer has scored so far; -1 as long as it does not listen."""
    try:
        lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    except httpx.HTTPError:
        return -1.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("pmpo_scorer_scored_tokens_total "))


def is_ready(url: str) -> bool:
    return num_scored(url) >= 0 and httpx.get(f"{url}/readyz", trust_env=False).status_code == 200


@pytest.mark.timeout(400)
def test_a_job_on_two_scorers_of_which_one_is_killed_ends_as_if_nothing_had_happened(
    scorers: list[Server], small_job: dict[str, Any], undisturbed: Undisturbed, tmp_path: Path
) -> None:
    table = {"default": {"url": ",".join(url for _, url in scorers)}}
    settings = {"PMPO_ENDPOINTS": json.dumps(table), "PMPO_STATE_DIR": str(tmp_path)}
    with (
        running(start_stack(**settings)) as stack,
        httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as api,
    ):
        wait_for(lambda: all(is_ready(url) for _, url in scorers), "two scorers")
        jobs = Jobs(api)
        job_id = jobs.submit(small_job)
        jobs.wait_for_event(job_id, "iteration_started")
        (asked,) = [server for server in scorers if num_scored(server[1])]
        (other,) = [server for server in scorers if server is not asked]
        assert jobs.view(job_id)["state"] == "running"
        asked[0].kill()
        asked[0].wait()
        view = jobs.finish(job_id)
        result, events = jobs.result(job_id), jobs.events(job_id)
        assert num_scored(stack.ready["scorer"]) == 0
        assert api.get("/readyz").status_code == 200
    assert (view["state"], view["attempts"]) == ("succeeded", 1), view
    assert num_scored(other[1]) > 0
    assert repeatable(result) == repeatable(undisturbed.result)
    assert repeatable(events) == repeatable(undisturbed.events)
