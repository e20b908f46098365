"""A stack that others could call: keys at the API, a key between its processes, and neither in any log."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import Jobs, running, start_stack

SCORER_KEY = "scorer-key-of-this-test-alone"  # made up


def client_of(url: str, key: str = "") -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=url, headers=headers, timeout=90, trust_env=False)


@pytest.mark.timeout(600)
def test_from_loopback_to_all_addresses_with_keys(tmp_path: Path, small_job: dict[str, Any]) -> None:
    """The way that docs/operations.md tells: a first key on loopback, then the same folder bound elsewhere."""
    settings = {"PMPO_STATE_DIR": str(tmp_path), "PMPO_SCORER_KEY": SCORER_KEY}
    with running(start_stack(**settings)) as stack, client_of(stack.api) as local:
        asked = {"name": "first", "scopes": ["read", "submit", "admin"]}
        first = local.post("/v1/keys", json=asked).json()["key"]

    with running(start_stack(**settings, PMPO_API_HOST="0.0.0.0", PMPO_SCORER_HOST="0.0.0.0")) as stack:
        url = stack.api
        with client_of(url) as stranger, client_of(str(stack.ready["scorer"])) as at_scorer:
            assert stranger.get("/v1/jobs").status_code == 401
            assert at_scorer.get("/v1/models").status_code == 401
            assert stranger.get("/readyz").status_code == 200
        with client_of(url, first) as admin:
            ci = admin.post("/v1/keys", json={"name": "ci"}).json()["key"]
        with client_of(url, ci) as client:
            jobs = Jobs(client)
            job_id = jobs.submit({**small_job, "optimizer": {**small_job["optimizer"], "iterations": 1}})
            assert jobs.finish(job_id)["state"] == "succeeded"
            assert client.get("/v1/keys").status_code == 403
    logs = "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert "listening" in logs
    assert [secret for secret in (SCORER_KEY, first, ci) if secret in logs] == []
