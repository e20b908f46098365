"""Kill, freeze and cut at random moments: every job ends as it would have undisturbed, and nothing is paid again."""

import json
import os
import signal
import time
from typing import Any

import httpx
import pytest

from pmpo.client import Client, Retries
from pmpo.contracts.jobs import JobSpec
from tests.integration.conftest import ROOT, Jobs, Undisturbed, repeatable, wait_for
from tests.webhook_receiver import Receiver

from .chaos import Chaos
from .conftest import LEASE_S, Disturbed
from .figures import Figures
from .proxy import Question

PATIENT = Retries(max_attempts=400, first_wait_s=0.3, max_wait_s=2.0)
FINAL = ("succeeded", "failed", "cancelled")
MOST_AHEAD = 0.1  # of all jobs


def short_jobs() -> list[dict[str, Any]]:
    """Three short jobs that differ in seed and rows."""
    lines = (ROOT / "examples" / "data" / "review-city.jsonl").read_text().splitlines()
    return [
        {
            "name": f"short-{number}",
            "prompt": "Process the input. Take your time.",
            "dataset": {"train": [json.loads(line) for line in lines[16 * number : 16 * number + 16]]},
            "optimizer": {"iterations": 2, "hard_examples": 1, "variants": 2, "patience": 2},
            "constraints": {"max_prompt_tokens": 80},
            "max_answer_tokens": 12,
            "seed": number,
        }
        for number in range(3)
    ]


def undisturbed_runs(jobs: Jobs, specs: list[dict[str, Any]]) -> tuple[list[str], list[Undisturbed]]:
    ids = [jobs.submit(spec) for spec in specs]
    found = [Undisturbed(jobs.finish(job_id), jobs.result(job_id), jobs.events(job_id)) for job_id in ids]
    assert [each.view["state"] for each in found] == ["succeeded"] * len(specs), [each.view for each in found]
    return ids, found


def _submit_all(client: Client, chaos: Chaos, specs: list[JobSpec]) -> list[str]:
    """Jobs come in as the disturbances do, some of them ahead, so that neither is over long before the other."""
    ids = []
    for number, spec in enumerate(specs):
        wait_for(lambda number=number: chaos.has_tried(number / len(specs) - MOST_AHEAD), "a disturbance", 300)
        ids.append(client.create_job(spec).id)
    return ids


def _finish_all(client: Client, ids: list[str], limit_s: float) -> dict[str, str]:
    """The states in the end; what is not over by then is told as it stands."""
    deadline = time.monotonic() + limit_s
    states = dict.fromkeys(ids, "unknown")
    while time.monotonic() < deadline and not all(state in FINAL for state in states.values()):
        for job_id in ids:
            if states[job_id] not in FINAL:
                states[job_id] = client.get_job(job_id).state
        time.sleep(0.5)
    return states


@pytest.mark.timeout(0)  # the limit is in the test, and tells of every job
def test_every_job_ends_as_if_nothing_had_happened(
    disturbed: Disturbed, receiver: Receiver, request: pytest.FixtureRequest, figures: Figures
) -> None:
    num_jobs = request.config.getoption("--faults-jobs")
    specs = short_jobs()
    api = disturbed.stack.api
    with httpx.Client(base_url=api, timeout=90, trust_env=False) as http:
        calm_ids, calm = undisturbed_runs(Jobs(http), specs)
    chaos = Chaos(
        disturbed.stack,
        disturbed.proxy,
        seed=request.config.getoption("--faults-seed"),
        num_disturbances=request.config.getoption("--faults-disturbances"),
        lease_s=LEASE_S,
    )
    with Client(api, retries=PATIENT) as client:
        chaos.start()
        started_at = time.monotonic()
        kinds = [number % len(specs) for number in range(num_jobs)]
        told = [JobSpec.model_validate({**specs[kind], "webhook": receiver.url}) for kind in kinds]
        ids = _submit_all(client, chaos, told)
        states = _finish_all(client, ids, limit_s=request.config.getoption("--faults-limit") * num_jobs)
        seconds = time.monotonic() - started_at
        chaos.stop()
        _wait_for_webhooks(client, ids)
        views = {job_id: client.get_job(job_id) for job_id in ids}
        repeated = sum(view.repeated_tokens for view in views.values())
        attempts = sum(view.attempts for view in views.values())
        print(f"\n{num_jobs} jobs, {attempts} attempts, {repeated} tokens repeated, {dict(chaos.done)}")
    assert len(set(ids)) == num_jobs
    with httpx.Client(base_url=api, timeout=90, trust_env=False) as http:
        jobs = Jobs(http)
        num_listed = len(http.get("/v1/jobs", params={"limit": 500}).json()["jobs"]) - len(specs)
        differing = [
            job_id for job_id, kind in zip(ids, kinds, strict=True) if not _is_as_calm(jobs, job_id, calm[kind], states)
        ]
    paid_again = _paid_again(disturbed, {job_id: calm_ids[kind] for job_id, kind in zip(ids, kinds, strict=True)})
    figures.record(
        "chaos",
        jobs=num_jobs,
        disturbances=dict(chaos.done),
        seed=request.config.getoption("--faults-seed"),
        seconds=round(seconds, 1),
        not_succeeded=sum(state != "succeeded" for state in states.values()),
        lost=num_jobs - num_listed,
        differing_results=len(differing),
        journaled_calls_repeated=sum(map(len, paid_again.values())),
        calls=disturbed.proxy.num_asked,
        attempts=attempts,
        repeated_tokens=repeated,
        webhooks_called=len(receiver.taken),
        webhooks_lost=len(ids) - len(set(receiver.ids)),
    )
    assert states == dict.fromkeys(ids, "succeeded"), {job_id: views[job_id].failure for job_id in ids}
    assert num_listed == num_jobs
    assert not differing
    assert not paid_again, "a job asked at another place than undisturbed"
    assert chaos.done, "nothing was disturbed"
    assert set(receiver.ids) == {f"msg_{job_id}" for job_id in ids}
    assert len({taken.body for taken in receiver.taken}) == num_jobs, "a message was told in two ways"


def _paid_again(disturbed: Disturbed, calm_ids: dict[str, str]) -> dict[str, list[Question]]:
    """What a job asked at another place than its undisturbed run (``calm_ids``: by job), if anything."""
    questions = disturbed.proxy.questions
    found = {job_id: sorted(questions[job_id] - questions[calm_id]) for job_id, calm_id in calm_ids.items()}
    return {job_id: asked for job_id, asked in found.items() if asked}


def _wait_for_webhooks(client: Client, ids: list[str]) -> None:
    """A call whose caller died is made again by another worker when its claim has run out."""

    def are_delivered() -> bool:
        views = [client.get_job(job_id).webhook for job_id in ids]
        return all(view is not None and view.state == "delivered" for view in views)

    wait_for(are_delivered, "the delivery of every webhook", 240)


def _is_as_calm(jobs: Jobs, job_id: str, calm: Undisturbed, states: dict[str, str]) -> bool:
    """Whether a job has the result and the events of its undisturbed run."""
    return (
        states[job_id] == "succeeded"
        and repeatable(jobs.result(job_id)) == repeatable(calm.result)
        and repeatable(jobs.events(job_id)) == repeatable(calm.events)
    )


@pytest.mark.timeout(300)
def test_the_job_of_a_killed_worker_goes_on_within_30_s(disturbed_by_default: Disturbed, figures: Figures) -> None:
    stack = disturbed_by_default.stack
    with httpx.Client(base_url=stack.api, timeout=90, trust_env=False) as http:
        jobs = Jobs(http)
        job_id = jobs.submit({**short_jobs()[0], "optimizer": {"iterations": 40, "patience": 40}})
        jobs.wait_for_event(job_id, "iteration_started")
        ((worker, horse),) = stack.horses().items()
        for pid in (worker, horse):
            os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        num_events = len(jobs.events(job_id))
        while len(jobs.events(job_id)) <= num_events:
            assert time.monotonic() - killed_at < 30, "the job did not go on"
            time.sleep(0.2)
        figures.record("killed_worker", seconds_until_its_job_went_on=round(time.monotonic() - killed_at, 1))
        assert jobs.view(job_id)["attempts"] == 2
        assert http.post(f"/v1/jobs/{job_id}/cancel").json()["state"] == "cancelled"
