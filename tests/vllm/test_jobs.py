"""Whole jobs: vLLM behind the remote engine, against the same job on the tree."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Jobs, Stack, running, small_job, start_stack

__all__ = ["small_job"]  # a fixture
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(550)]
FLOAT32 = {"PMPO_SCORER_DTYPE": "float32", "PMPO_SCORER_DETERMINISTIC": "true"}


def result_of(stack: Stack, job: dict[str, Any]) -> dict[str, Any]:
    with httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as client:
        jobs = Jobs(client)
        job_id = jobs.submit(job)
        view = jobs.finish(job_id)
        assert view["state"] == "succeeded", view
        return jobs.result(job_id)


def test_a_job_on_either_engine_ends_with_the_same_prompt(
    vllm_url: str, small_job: dict[str, Any], tmp_path: Path
) -> None:
    """The rewrites come from one model and one sampler, so that the scores alone decide; then vLLM does both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running(start_stack(**FLOAT32, PMPO_STATE_DIR=str(tmp_path / "tree"))) as tree:
        on_tree = result_of(tree, small_job)
        own = f"http://127.0.0.1:{port}"
        table = {"default": {"url": own, "generate_url": tree.ready["scorer"]}, "served": {"url": own}}
        settings = {
            "PMPO_SCORER_ENGINE": "remote",
            "PMPO_SCORER_REMOTE_URLS": vllm_url,
            "PMPO_ENDPOINTS": json.dumps(table),
            "PMPO_STATE_DIR": str(tmp_path / "served"),
        }
        with running(start_stack("--scorer-port", str(port), **settings)) as served:
            scored_there = result_of(served, small_job)
            all_there = result_of(served, {**small_job, "models": {"target": "served", "rewriter": "served"}})
    assert (on_tree["model"]["engine"], scored_there["model"]["engine"]) == ("torch_tree", "remote")
    assert scored_there["prompt_after"] == on_tree["prompt_after"]
    assert scored_there["train_loss_after"] == pytest.approx(on_tree["train_loss_after"], abs=1e-4)
    assert scored_there["scored_tokens"] == on_tree["scored_tokens"]
    assert all_there["model"]["engine"] == "remote"
    assert all_there["generated_tokens"] > 0
    assert all_there["train_loss_after"] <= all_there["train_loss_before"]
