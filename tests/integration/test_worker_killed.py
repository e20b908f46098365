"""Kill what works on a job; it goes on elsewhere and ends as if nothing had happened."""

import os
import signal
from typing import Any

import pytest

from .conftest import Jobs, Stack, Undisturbed, repeatable, wait_for


def _start_and_find(stack: Stack, jobs: Jobs, job: dict[str, Any]) -> tuple[str, int, int]:
    """A job in the middle of its first round, and the worker and the work horse that hold it."""
    wait_for(lambda: not stack.horses(), "an idle stack")
    job_id = jobs.submit(job)
    jobs.wait_for_event(job_id, "iteration_started")
    ((worker, horse),) = stack.horses().items()
    assert jobs.view(job_id)["state"] == "running"
    return job_id, worker, horse


@pytest.mark.parametrize("victims", ["worker", "horse", "both"])
def test_the_job_ends_as_if_nothing_had_happened(
    stack: Stack, jobs: Jobs, small_job: dict[str, Any], undisturbed: Undisturbed, victims: str
) -> None:
    job_id, worker, horse = _start_and_find(stack, jobs, small_job)
    if victims in ("worker", "both"):
        os.kill(worker, signal.SIGKILL)
    if victims in ("horse", "both"):
        os.kill(horse, signal.SIGKILL)
    view = jobs.finish(job_id)
    assert view["state"] == "succeeded", view
    assert view["attempts"] == 2
    assert view["failure"] is None
    assert repeatable(jobs.result(job_id)) == repeatable(undisturbed.result)
    assert repeatable(jobs.events(job_id)) == repeatable(undisturbed.events)
    wait_for(lambda: len(stack.workers()) == 2, "two workers again")


def test_a_work_horse_that_slept_past_its_lease_writes_nothing(
    stack: Stack, jobs: Jobs, small_job: dict[str, Any], undisturbed: Undisturbed
) -> None:
    job_id, _, horse = _start_and_find(stack, jobs, small_job)
    os.kill(horse, signal.SIGSTOP)
    try:
        view = jobs.finish(job_id)
    finally:
        os.kill(horse, signal.SIGCONT)
    assert view["state"] == "succeeded", view
    assert repeatable(jobs.result(job_id)) == repeatable(undisturbed.result)
    wait_for(lambda: horse not in stack.horses().values(), "the end of the late work horse")
    assert jobs.view(job_id) == view
    assert repeatable(jobs.events(job_id)) == repeatable(undisturbed.events)


def test_a_worker_that_is_asked_to_stop_puts_its_job_back(
    stack: Stack, jobs: Jobs, small_job: dict[str, Any], undisturbed: Undisturbed
) -> None:
    job_id, worker, _ = _start_and_find(stack, jobs, small_job)
    os.kill(worker, signal.SIGTERM)
    wait_for(lambda: worker not in stack.workers(), "the end of the worker")
    view = jobs.finish(job_id)
    assert view["state"] == "succeeded", view
    assert view["repeated_tokens"] == 0, "the call at hand was to be answered and journaled"
    assert repeatable(jobs.result(job_id)) == repeatable(undisturbed.result)
