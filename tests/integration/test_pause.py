"""Pause a job that runs, and let it go on: nothing is lost, nothing is paid twice."""

from typing import Any

from .conftest import Jobs, Stack, Undisturbed, repeatable, wait_for


def test_a_running_job_rests_and_ends_as_if_nothing_had_happened(
    stack: Stack, jobs: Jobs, small_job: dict[str, Any], undisturbed: Undisturbed
) -> None:
    wait_for(lambda: not stack.horses(), "an idle stack")
    job_id = jobs.submit(small_job)
    jobs.wait_for_event(job_id, "iteration_started")
    paused = jobs.client.post(f"/v1/jobs/{job_id}/pause")
    assert (paused.status_code, paused.json()["state"]) == (202, "paused")
    wait_for(lambda: not stack.horses(), "idle workers")
    num_events = len(jobs.events(job_id))
    assert jobs.view(job_id, wait_s=2)["state"] == "paused"
    assert len(jobs.events(job_id)) == num_events
    resumed = jobs.client.post(f"/v1/jobs/{job_id}/resume")
    assert (resumed.status_code, resumed.json()["state"]) == (202, "queued")
    view = jobs.finish(job_id)
    assert (view["state"], view["attempts"], view["repeated_tokens"]) == ("succeeded", 2, 0)
    assert repeatable(jobs.result(job_id)) == repeatable(undisturbed.result)
    assert repeatable(jobs.events(job_id)) == repeatable(undisturbed.events)
