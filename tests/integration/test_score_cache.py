"""Jobs share scores through Redis: the same job again computes nothing and ends alike."""

from pathlib import Path
from typing import Any

import httpx

from .conftest import Jobs, repeatable, running, start_stack


def test_the_same_job_again_has_its_scores_already(tmp_path: Path, small_job: dict[str, Any]) -> None:
    process = start_stack("--workers", "1", PMPO_STATE_DIR=str(tmp_path))
    with running(process) as stack, httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as client:
        jobs = Jobs(client)
        results, events = [], []
        for _ in range(2):
            job_id = jobs.submit(small_job)
            view = jobs.finish(job_id)
            assert view["state"] == "succeeded", view
            results.append(jobs.result(job_id))
            events.append(jobs.events(job_id))
    assert results[0]["computed_tokens"] > 0
    assert results[1]["computed_tokens"] == 0
    assert results[1]["scored_tokens"] == results[0]["scored_tokens"] > 0
    assert repeatable(results[1]) == repeatable(results[0])
    assert repeatable(events[1]) == repeatable(events[0])
