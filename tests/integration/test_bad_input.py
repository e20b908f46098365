"""What a caller gets wrong is one clear sentence over HTTP, and leaves nothing behind."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .conftest import Jobs, Stack, clean_environment, wait_for


def _refused(api: httpx.Client, job: Any, status: int = 422) -> dict[str, Any]:
    before = api.get("/v1/jobs", params={"limit": 500}).json()
    answer = api.post("/v1/jobs", json=job)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = dict(answer.json())
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["retryable"] == (status >= 500)
    assert api.get("/v1/jobs", params={"limit": 500}).json() == before
    return problem


def test_an_unknown_key_is_answered_with_the_nearest_name(api: httpx.Client, small_job: dict[str, Any]) -> None:
    problem = _refused(api, {**small_job, "optimiser": {}})
    assert problem["code"] == "unknown_key"
    assert "optimiser" in problem["detail"]
    assert "optimizer" in problem["detail"].replace("optimiser", "")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"name": None}, "invalid_input", ["name"]),
        ({"optimizer": {"iterations": 0}}, "invalid_input", ["optimizer.iterations is 0", "at least 1"]),
        ({"dataset": {"train": [{"input": "a", "target": "b"}]}}, "invalid_data", ["1 row", "at least 3"]),
        (
            {"dataset": {"train": [{"input": "a", "target": "b"}] * 5 + [{"input": "a"}]}},
            "invalid_data",
            ["row 5", "target"],
        ),
        ({"prompt": "Read {{text}}."}, "placeholder_mismatch", ["text", "input"]),
        ({"models": {"target": "defualt"}}, "invalid_input", ["defualt", "default"]),
        (
            {"chat_template_kwargs": {"enable_thinking": False}},
            "invalid_input",
            ["chat_template_kwargs", "does not know 'enable_thinking'"],
        ),
        ({"constraints": {"anchors": [24]}}, "invalid_input", ["anchor 24"]),
        ({"constraints": {"max_prompt_tokens": 3}}, "too_long", ["max_prompt_tokens is 3"]),
        ({"budget": {"scored_tokens": 10}}, "budget_too_small", ["scored_tokens 10", "at least"]),
    ],
)
def test_a_job_that_cannot_run_is_refused_with_where_and_why(
    api: httpx.Client, small_job: dict[str, Any], change: dict[str, Any], code: str, words: list[str]
) -> None:
    problem = _refused(api, {**small_job, **change})
    assert problem["code"] == code
    for word in words:
        assert word in problem["detail"]


def test_an_example_longer_than_the_context_is_named_with_its_length_and_the_limit(
    api: httpx.Client, small_job: dict[str, Any]
) -> None:
    rows = [*small_job["dataset"]["train"][:5], {"input": "word " * 5_000, "target": "x"}]
    problem = _refused(api, {**small_job, "dataset": {"train": rows}})
    assert problem["code"] == "too_long"
    assert "2048" in problem["detail"].replace(",", "")


def test_what_is_no_json_is_told_as_such(api: httpx.Client) -> None:
    answer = api.post("/v1/jobs", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert "JSON" in answer.json()["detail"]


def test_a_body_above_the_limit_is_refused(api: httpx.Client, small_job: dict[str, Any]) -> None:
    problem = _refused(api, {**small_job, "task": "x" * (11 * 1024 * 1024)}, status=413)
    assert problem["code"] == "body_too_large"
    assert "10 MB" in problem["detail"]


@pytest.mark.parametrize("path", ["", "/events", "/result"])
def test_a_job_that_is_not_there(api: httpx.Client, path: str) -> None:
    answer = api.get(f"/v1/jobs/nope{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "'nope'" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/nothing", 404), ("DELETE", "/v1/jobs", 405)])
def test_a_route_that_is_not_there(api: httpx.Client, method: str, path: str, status: int) -> None:
    answer = api.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert path in answer.json()["detail"]


def test_a_result_that_is_not_there_yet_names_the_state(jobs: Jobs, small_job: dict[str, Any]) -> None:
    job_id = jobs.submit(small_job)
    answer = jobs.client.get(f"/v1/jobs/{job_id}/result")
    assert answer.status_code == 409
    assert jobs.client.post(f"/v1/jobs/{job_id}/cancel").status_code == 202
    assert "has no result; wait for it" in answer.json()["detail"]
    jobs.finish(job_id)


@pytest.fixture
def api_without_scorer(stack: Stack) -> Iterator[httpx.Client]:
    """A second API on the stack's Redis, whose scorer is at a port where nobody listens."""
    port, dead_port = _free_port(), _free_port()
    settings = {"PMPO_REDIS_URL": stack.ready["redis"], "PMPO_SCORER_PORT": str(dead_port), "PMPO_API_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "services.api"], env=clean_environment(**settings), stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            wait_for(lambda: _lives(client), "the second API")
            yield client
    finally:
        process.terminate()
        process.wait(30)


def test_a_dead_scorer_is_told_of_at_once_and_nothing_is_saved(
    api_without_scorer: httpx.Client, small_job: dict[str, Any]
) -> None:
    problem = _refused(api_without_scorer, small_job, status=503)
    assert problem["code"] == "scorer_unavailable"
    assert "does not answer" in problem["detail"]
    ready = api_without_scorer.get("/readyz")
    assert ready.status_code == 503
    assert "scorer default" in ready.json()["detail"]
    assert "redis:" not in ready.json()["detail"]


def _lives(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    from services.stack.options import free_port

    return free_port()


@pytest.mark.parametrize("service", ["api", "scorer"])
def test_headers_have_an_end_or_are_cut_off(stack: Stack, service: str) -> None:
    """No request may fill a service's memory with headers, whatever parser somebody else's environment brings."""
    address = httpx.URL(stack.ready[service])
    piece, most = b"x" * 65_536, 64
    with socket.create_connection((address.host, address.port or 80), timeout=20) as connection:
        sent = 0
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ")
            for _ in range(most):
                connection.sendall(piece)
                sent += 1
            answer = connection.recv(4_096)
        except ConnectionError:
            answer = b""
    assert sent < most or answer.startswith(b"HTTP/1.1 4")
    assert httpx.get(address.join("/healthz")).status_code == 200
