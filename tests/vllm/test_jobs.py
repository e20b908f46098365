"""Whole jobs on a real vLLM, in the scorer's process and behind ``vllm serve``, against the same job on the tree."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Jobs, Stack, running, small_job, start_stack
from tests.vllm.conftest import BATCH_TOKENS, KEY

__all__ = ["small_job"]  # a fixture
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]
FLOAT32 = {"PMPO_SCORER_DTYPE": "float32", "PMPO_SCORER_MAX_BATCH_TOKENS": BATCH_TOKENS}
IN_PROCESS = {"PMPO_SCORER_VLLM_EAGER": "true", "PMPO_SCORER_VLLM_CACHE_GIB": "1"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("tree")
    with running(start_stack(**FLOAT32, PMPO_SCORER_DETERMINISTIC="true", PMPO_STATE_DIR=str(folder))) as stack:
        yield stack


@pytest.fixture(scope="module")
def on_tree(tree: Stack, small_job: dict[str, Any]) -> dict[str, Any]:
    return result_of(tree, small_job)


@pytest.fixture(scope="module", params=["vllm_local", "remote"])
def served(request: pytest.FixtureRequest, tree: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack on vLLM. Rewrites come from the tree's scorer, and at the endpoint ``served`` from vLLM as well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = f"http://127.0.0.1:{port}"
    table = {"default": {"url": own, "generate_url": tree.ready["scorer"]}, "served": {"url": own}}
    more = IN_PROCESS
    if request.param == "remote":
        more = {"PMPO_SCORER_REMOTE_URLS": request.getfixturevalue("vllm_url"), "PMPO_SCORER_REMOTE_KEY": KEY}
    named = {"PMPO_SCORER_ENGINE": request.param, "PMPO_ENDPOINTS": json.dumps(table)}
    settings = {**FLOAT32, **named, **more, "PMPO_STATE_DIR": str(tmp_path_factory.mktemp("served"))}
    with running(start_stack("--scorer-port", str(port), **settings)) as stack:
        yield stack


def result_of(stack: Stack, job: dict[str, Any]) -> dict[str, Any]:
    with httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as client:
        jobs = Jobs(client)
        job_id = jobs.submit(job)
        view = jobs.finish(job_id)
        assert view["state"] == "succeeded", view
        return jobs.result(job_id)


def test_a_job_on_vllm_ends_with_the_prompt_that_it_ends_with_on_the_tree(
    served: Stack, on_tree: dict[str, Any], small_job: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """The rewrites come from one model and one sampler, so that the scores alone decide."""
    found = result_of(served, small_job)
    engines = (on_tree["model"]["engine"], found["model"]["engine"])
    assert engines == ("torch_tree", request.node.callspec.params["served"])
    assert found["prompt_after"] == on_tree["prompt_after"] != small_job["prompt"]
    assert found["train_loss_after"] == pytest.approx(on_tree["train_loss_after"], abs=1e-4)
    assert found["scored_tokens"] == on_tree["scored_tokens"]


def test_one_vllm_scores_and_rewrites(served: Stack, small_job: dict[str, Any]) -> None:
    found = result_of(served, {**small_job, "models": {"target": "served", "rewriter": "served"}})
    assert found["generated_tokens"] > 0
    assert found["train_loss_after"] < found["train_loss_before"]
