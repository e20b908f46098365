from typing import Any

from .conftest import Jobs, Stack, wait_for


def test_a_running_job_is_cancelled_and_its_worker_is_free_again(
    stack: Stack, jobs: Jobs, small_job: dict[str, Any]
) -> None:
    long_job = {**small_job, "optimizer": {**small_job["optimizer"], "iterations": 200, "patience": 200}}
    job_id = jobs.submit(long_job)
    jobs.wait_for_event(job_id, "iteration_started")
    for _ in range(2):  # cancelling twice is cancelling once
        asked = jobs.client.post(f"/v1/jobs/{job_id}/cancel")
        if asked.status_code == 409:
            break
        assert asked.status_code == 202
        assert asked.json()["state"] in ("cancelling", "cancelled")
    view = jobs.finish(job_id)
    assert (view["state"], view["stop_reason"], view["failure"]) == ("cancelled", "cancelled", None)
    wait_for(lambda: not stack.horses(), "idle workers")
    num_events = len(jobs.events(job_id))
    refused = jobs.client.get(f"/v1/jobs/{job_id}/result")
    assert refused.status_code == 409
    assert "is cancelled and has no result" in refused.json()["detail"]
    again = jobs.client.post(f"/v1/jobs/{job_id}/cancel")
    assert again.status_code == 409
    assert again.json()["code"] == "conflict"
    assert len(jobs.events(job_id)) == num_events
    report = jobs.client.get(f"/v1/jobs/{job_id}/report").json()
    assert report["note"].startswith("The job was cancelled before its end")
    assert (report["outcome"]["prompt_after"], report["outcome"]["test"]) == (view["best_prompt"], None)
    assert report["candidates"][0]["prompt"] == small_job["prompt"]


def test_a_job_that_waits_is_cancelled_at_once(jobs: Jobs, small_job: dict[str, Any]) -> None:
    long_job = {**small_job, "optimizer": {**small_job["optimizer"], "iterations": 200, "patience": 200}}
    busy = [jobs.submit(long_job) for _ in range(2)]
    waiting = jobs.submit(small_job)
    wait_for(lambda: all(jobs.view(job_id)["state"] == "running" for job_id in busy), "running jobs")
    asked = jobs.client.post(f"/v1/jobs/{waiting}/cancel")
    assert (asked.status_code, asked.json()["state"]) == (202, "cancelled")
    for job_id in busy:
        jobs.client.post(f"/v1/jobs/{job_id}/cancel")
        assert jobs.finish(job_id)["state"] == "cancelled"
    assert jobs.view(waiting)["attempts"] == 0
