"""A job on two model servers, processes of their own, of which one is killed on the way."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.bundled import nano_dir
from tests.integration.conftest import ROOT, Jobs, clean_environment, running, start_stack


@pytest.fixture
def servers() -> Iterator[list[tuple[subprocess.Popen[str], str]]]:
    command = [sys.executable, "-m", "tests.serve_model", str(nano_dir()), "vllm"]
    path = f"{ROOT}:{ROOT / 'shared'}"
    environment = {**clean_environment(), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) for _ in range(2)
    ]
    try:
        found = []
        for process in processes:
            assert process.stdout is not None
            found.append((process, process.stdout.readline().strip()))
        yield found
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.timeout(400)
def test_a_job_survives_the_death_of_one_of_two_model_servers(
    servers: list[tuple[subprocess.Popen[str], str]], small_job: dict[str, Any], tmp_path: Path
) -> None:
    settings = {
        "PMPO_SCORER_ENGINE": "remote",
        "PMPO_SCORER_REMOTE_URLS": ",".join(url for _, url in servers),
        "PMPO_STATE_DIR": str(tmp_path),
    }
    with (
        running(start_stack(**settings)) as stack,
        httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as api,
    ):
        jobs = Jobs(api)
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
    assert result["train_loss_after"] <= result["train_loss_before"]
    assert result["scored_tokens"] > 0
