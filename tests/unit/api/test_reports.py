"""Reports and candidates over the routes: of real runs whose events are in a real store."""

from collections.abc import Sequence

import httpx
import pytest

from pmpo.contracts.candidates import CandidatesPage
from pmpo.contracts.jobs import JobFailure, JobState
from pmpo.contracts.reports import ReportView
from pmpo.optim.events import Event
from pmpo.runs.codec import encode_event
from pmpo.runs.outcome import job_result
from pmpo.testing.ports import IDENTITY
from services.store.records import failure_fields
from services.store.store import Store
from tests.unit.runs.report.world import JOBS, Ran, run

MANY_EVENTS = "seeds_and_restarts"


async def saved(client: httpx.AsyncClient, store: Store, found: Ran, num_events: int | None = None) -> str:
    """A job of the run's spec with the run's first events."""
    answer = await client.post("/v1/jobs", json=found.job.model_dump(mode="json", exclude_unset=True))
    assert answer.status_code == 201, answer.text
    job_id = str(answer.json()["id"])
    await tell(store, job_id, found.events[:num_events])
    return job_id


async def tell(store: Store, job_id: str, events: Sequence[Event]) -> None:
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    await store.journal.append(lease, now=1, events={event.number: encode_event(event) for event in events})


async def become(store: Store, job_id: str, state: JobState, changes: dict[str, str | bytes | float]) -> None:
    await store.jobs.move(job_id, ["queued"], "running")
    await store.jobs.move(job_id, ["running"], state, changes=changes)


@pytest.mark.parametrize("name", ["pmpo", "evoprompt_ga", "preference", "compress", "few_shot", "options"])
async def test_the_report_of_a_finished_job_is_that_of_its_events(
    client: httpx.AsyncClient, store: Store, name: str
) -> None:
    found = await run(JOBS[name])
    job_id = await saved(client, store, found)
    result = job_result(job_id, found.job, found.events, found.view().splits, IDENTITY).model_dump_json().encode()
    await become(store, job_id, "succeeded", {"result": result, "stop_reason": "patience"})
    answer = await client.get(f"/v1/jobs/{job_id}/report", params={"losses": True})
    assert answer.status_code == 200, answer.text
    report = ReportView.model_validate_json(answer.content)
    expected = found.report()
    about_the_job = {"job_id", "attempts", "model", "warnings", "splits"}
    assert report.model_dump(exclude=about_the_job) == expected.model_dump(exclude=about_the_job)
    assert report.job_id == job_id
    assert report.model is not None and report.model.model == IDENTITY.model
    brief = ReportView.model_validate_json((await client.get(f"/v1/jobs/{job_id}/report")).content)
    assert {candidate.losses is None for candidate in brief.candidates} == {True}


async def test_more_events_than_one_read_takes_are_all_told(
    client: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.jobs.reports.PAGE_EVENTS", 7)
    found = await run(JOBS[MANY_EVENTS])
    report = (await client.get(f"/v1/jobs/{await saved(client, store, found)}/report")).json()
    assert report["candidates"] == found.report(with_losses=False).model_dump(mode="json")["candidates"]


async def test_a_job_that_is_not_over_says_so(client: httpx.AsyncClient, store: Store) -> None:
    found = await run(JOBS["pmpo"])
    queued = (await client.get(f"/v1/jobs/{await saved(client, store, found, 0)}/report")).json()
    assert (queued["candidates"], queued["state"], queued["outcome"]["verdict"]) == ([], "queued", None)
    half = await saved(client, store, found, 30)
    await store.jobs.move(half, ["queued"], "running")
    running = (await client.get(f"/v1/jobs/{half}/report")).json()
    assert running["note"] == "The job is running: this is what it has found so far, and nothing is tested yet."
    assert (running["is_partial"], running["model"]) == (True, None)
    assert len(running["candidates"]) > 1
    failed = await saved(client, store, found, 30)
    failure = failure_fields(JobFailure(code="engine_failed", message="it broke"))
    await become(store, failed, "failed", {**failure, "stop_reason": "failed"})
    over = (await client.get(f"/v1/jobs/{failed}/report")).json()
    assert over["note"].startswith("The job failed (it broke); this is what it had found")
    assert (over["outcome"]["stop_reason"], over["candidates"]) == ("failed", running["candidates"])
    await client.post(f"/v1/jobs/{(cancelled := await saved(client, store, found, 30))}/cancel")
    stopped = (await client.get(f"/v1/jobs/{cancelled}/report")).json()
    assert (stopped["state"], stopped["outcome"]["stop_reason"]) == ("cancelled", "cancelled")
    assert stopped["note"].startswith("The job was cancelled before its end")


async def test_candidates_come_in_pages_and_by_fate(client: httpx.AsyncClient, store: Store) -> None:
    found = await run(JOBS["pmpo"])
    job_id = await saved(client, store, found)
    expected = found.report(with_losses=False)
    seen, after, num_pages = [], 0, 0
    while True:
        answer = await client.get(f"/v1/jobs/{job_id}/candidates", params={"after": after, "limit": 3})
        page = CandidatesPage.model_validate_json(answer.content)
        assert page.counts == expected.counts
        assert len(page.candidates) <= 3
        seen += page.candidates
        num_pages += 1
        if page.next is None:
            break
        after = page.next
    assert (seen, num_pages) == (expected.candidates, -(-len(expected.candidates) // 3))
    lost = (await client.get(f"/v1/jobs/{job_id}/candidates", params={"fate": "dropped", "losses": True})).json()
    assert {view["fate"] for view in lost["candidates"]} == {"dropped"}
    assert len(lost["candidates"]) == expected.counts["dropped"]
    assert all(cells["rows"] for view in lost["candidates"] for cells in view["losses"])


async def test_what_cannot_be_told_is_refused_in_one_sentence(client: httpx.AsyncClient, store: Store) -> None:
    found = await run(JOBS["pmpo"])
    job_id = await saved(client, store, found, 1)
    for path in ("report", "candidates"):
        unknown = await client.get(f"/v1/jobs/nobody/{path}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
        assert unknown.json()["detail"] == "there is no job 'nobody'; list the jobs with GET /v1/jobs or `pmpo list`"
        bad = await client.get(f"/v1/jobs/{job_id}/{path}", params={"losses": "some"})
        assert (bad.status_code, bad.json()["code"]) == (422, "invalid_input")
        assert "losses" in bad.json()["detail"]
    for query, word in (({"limit": 0}, "limit"), ({"limit": 501}, "limit"), ({"fate": "lost"}, "refused")):
        answer = await client.get(f"/v1/jobs/{job_id}/candidates", params=query)
        assert (answer.status_code, word in answer.json()["detail"]) == (422, True)
    data = {"train": [{"input": f"in {number}", "target": "out"} for number in range(8)]}
    for kind in ("rationalize", "evaluate"):
        created = await client.post("/v1/jobs", json={"prompt": "Reason.", "dataset": data, "kind": kind})
        for path in ("report", "candidates"):
            answer = await client.get(f"/v1/jobs/{created.json()['id']}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
            assert f"of kind {kind}: it searches for no prompt" in answer.json()["detail"]
