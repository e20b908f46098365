"""What ``pmpo estimate`` says of a bundled job, and what the job then uses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pmpo.runs.jobfile import load_job

from .conftest import ROOT, Jobs

KINDS = ("scored_tokens", "generated_tokens")


def job_of(name: str, **optimizer: Any) -> dict[str, Any]:
    """A bundled job without caps, as a request."""
    job = load_job(ROOT / "examples" / f"{name}.yaml").model_dump(mode="json", exclude_unset=True)
    changes = {"optimizer": {**job.get("optimizer", {}), **optimizer}} if optimizer else {}
    return {**job, "budget": {}, **changes}


def estimated(api: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("/v1/jobs/estimate", json=job)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_bundled_compression_uses_what_was_estimated_within_a_quarter(api: httpx.Client, jobs: Jobs) -> None:
    job = job_of("compress-review-city")
    told, job_id = estimated(api, job), jobs.submit(job)
    assert jobs.finish(job_id)["state"] == "succeeded"
    used = jobs.result(job_id)
    for kind in KINDS:
        assert told[kind]["expected"] == pytest.approx(used[kind], rel=0.25)


@pytest.mark.slow
def test_a_bundled_search_through_all_its_rounds_stays_between_low_and_high(api: httpx.Client, jobs: Jobs) -> None:
    job = {**job_of("review-city", iterations=4, patience=4), "metric": None}  # nothing can be perfect
    told, job_id = estimated(api, job), jobs.submit(job)
    assert jobs.finish(job_id)["state"] == "succeeded"
    used = jobs.result(job_id)
    assert (used["stop_reason"], told["iterations"]) == ("iterations", 4)
    for kind in KINDS:
        assert told[kind]["low"] <= used[kind] <= told[kind]["high"]
