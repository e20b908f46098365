"""Following a job over its event stream, lists in pages, and questions that are answered at once."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pandas
import pytest

from pmpo.client import AsyncClient, Client, Retries
from pmpo.contracts.interactive import AnalyzeCall, ScoreCall
from pmpo.errors import (
    InvalidDataError,
    InvalidInputError,
    NotFoundError,
    OverloadedError,
    UnavailableError,
    UpstreamError,
)

ONCE = Retries(max_attempts=1)
MEASURED = {
    "model": "nano", "revision": "1", "dtype": "float32", "engine": "torch_tree",
    "scored_tokens": 9, "computed_tokens": 8,
}  # fmt: skip
SCORED = {
    **MEASURED, "timings": {"tokenize_s": 0, "queue_s": 0, "compute_s": 0}, "log_likelihoods": [[-1.0]],
    "num_tokens": [[2]], "losses": [0.5],
}  # fmt: skip
UNIT = {"text": "Go.", "start": 0, "end": 3, "delta": 0.5, "standard_error": 0.1}
ANALYZED = {**MEASURED, "prompt": "Go. Now.", "loss": 1.5, "units": [UNIT], "num_examples": 1}


@pytest.fixture(autouse=True)
def no_pauses(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pmpo.client.watching.FIRST_PAUSE_S", 0.0)
    api.streams = True


def test_a_stream_that_is_cut_goes_on_from_the_last_number(api: Any) -> None:
    job_id = api.add_job(num_iterations=5)
    total = len(api.events[job_id])
    api.cuts.extend([4, 4, 9])
    lost: list[int] = []
    with Client(api.url, retries=ONCE) as client:
        events = list(client.iterate_events(job_id, on_lost=lambda _, times: lost.append(times)))
    assert [event.number for event in events] == list(range(1, total + 1))
    assert events == api.events[job_id]
    assert [seen.headers["last-event-id"] for seen in api.seen] == ["0", "4", "4", "9"]
    assert lost == [1, 1, 1]


async def test_both_faces_follow(api: Any) -> None:
    job_id = api.add_job()
    api.cuts.extend([3, 3])
    async with AsyncClient(api.url, retries=ONCE) as client:
        seen = [event.number async for event in client.iterate_events(job_id, after=2)]
    assert seen == list(range(3, len(api.events[job_id]) + 1))


def test_signs_of_life_are_told(api: Any) -> None:
    idle: list[None] = []
    with Client(api.url) as client:
        list(client.iterate_events(api.add_job(), on_idle=lambda: idle.append(None)))
    assert len(idle) == 1


def test_streams_that_are_cut_again_and_again_without_news_end(api: Any, double: ModuleType) -> None:
    job_id = api.add_job()
    with Client(api.url, retries=ONCE) as client:
        api.faults.extend([double.Fault(drop=True)] * 9)
        with pytest.raises(UnavailableError):
            list(client.iterate_events(job_id, max_losses=2))
    assert len(api.seen) == 3


def test_what_is_no_stream_is_read_in_pages(api: Any) -> None:
    job_id = api.add_job()
    api.streams = False
    with Client(api.url) as client:
        events = list(client.iterate_events(job_id))
    assert events == api.events[job_id]


def test_a_silent_stream_is_read_in_pages(api: Any, double: ModuleType) -> None:
    """Something between keeps what it should pass on, until it gives up."""
    job_id = api.add_job()
    api.faults.append(double.Fault(200, b"", {"content-type": "text/event-stream", "transfer-encoding": "chunked"}))
    api.streams = False
    with Client(api.url, retries=ONCE) as client:
        assert list(client.iterate_events(job_id)) == api.events[job_id]


def test_what_is_no_event_is_told(api: Any, double: ModuleType) -> None:
    api.faults.append(double.Fault(200, b"data: {}\n\n", {"content-type": "text/event-stream"}))
    with Client(api.url) as client, pytest.raises(UpstreamError, match="no event"):
        list(client.iterate_events("job-1"))


def test_who_stops_in_the_middle_hangs_up(api: Any) -> None:
    job_id = api.add_job()
    with Client(api.url) as client:
        for event in client.iterate_events(job_id):
            if event.number == 2:
                break
        assert client.get_job(job_id).id == job_id
    gc.collect()  # warnings of what was left open are errors


async def test_who_stops_in_the_middle_of_an_awaited_stream(api: Any) -> None:
    job_id = api.add_job()
    async with AsyncClient(api.url) as client:
        events = client.iterate_events(job_id)
        assert (await anext(events)).number == 1
        await events.aclose()


def test_a_loss_with_a_retry_after_is_waited_for(api: Any, double: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    api.faults.append(double.problem(OverloadedError("full"), **{"retry-after": "17"}))
    with Client(api.url, retries=ONCE) as client:
        assert list(client.iterate_events(api.add_job()))
    assert slept == [17.0]


def test_an_unknown_job_is_no_loss(api: Any) -> None:
    with Client(api.url) as client, pytest.raises(NotFoundError):
        list(client.iterate_events("nobody"))


def test_a_wait_tells_how_the_job_stands(api: Any) -> None:
    job_id = api.add_job(state="running")
    states: list[str] = []

    def note(job: Any) -> None:
        states.append(job.state)
        api.jobs[job_id] = api.jobs[job_id].model_copy(update={"state": "succeeded"})

    with Client(api.url) as client:
        assert client.wait(job_id, on_progress=note).state == "succeeded"
    assert states == ["running", "succeeded"]


async def test_jobs_are_listed_page_by_page(api: Any) -> None:
    ids = [api.add_job(f"job-{number}") for number in range(5)]
    since = datetime(2026, 1, 2, tzinfo=UTC)
    with Client(api.url) as blocking:
        listing = lambda: [job.id for job in blocking.list_jobs(page_size=2)]  # noqa: E731
        assert await asyncio.to_thread(listing) == ids[::-1]
    async with AsyncClient(api.url) as client:
        wanted = client.list_jobs(state=["running", "queued"], kind="compress", name="review-", since=since)
        assert len([job async for job in wanted]) == 5
    assert [seen.query.get("cursor") for seen in api.seen] == [None, "2", "4", None]
    assert api.seen[-1].query == {
        "state": "queued", "kind": "compress", "name": "review-", "limit": "100", "since": repr(since.timestamp()),
    }  # fmt: skip


def test_scores_and_analyses(api: Any) -> None:
    api.asked_answers = {"score": SCORED, "analyze": ANALYZED}
    rows = [{"review": "Oslo!", "city": "Oslo", "stars": 3, "weight": 2}]
    fields = {"input": "review", "target": "city"}
    with Client(api.url) as client:
        assert client.score("Go.", rows, fields=fields).losses == [0.5]
        assert client.analyze("Go. Now.", pandas.DataFrame(rows), fields=fields, max_units=4).units[0].text == "Go."
    score, analyze = ScoreCall.model_validate_json(api.seen[0].body), AnalyzeCall.model_validate_json(api.seen[1].body)
    assert score.prompts == ["Go."] and analyze.max_units == 4
    assert score.examples == analyze.examples
    assert score.examples[0].all_fields == {"input": "Oslo!", "review": "Oslo!", "stars": "3", "weight": "2"}
    assert (score.examples[0].target, score.examples[0].weight) == ("Oslo", 2.0)


def test_questions_that_cannot_be_asked(api: Any) -> None:
    row = {"input": "a", "target": "b"}
    with Client(api.url) as client:
        with pytest.raises(InvalidDataError, match="row 1"):
            client.score("Go.", [row, {"input": "a"}])
        with pytest.raises(InvalidInputError, match="more than 1,000 rows"):
            client.score("Go.", [row] * 1001)
        with pytest.raises(InvalidInputError, match="max_units"):
            client.analyze("Go. Now.", [row], max_units=0)
        with pytest.raises(InvalidInputError, match="inptu"):
            client.score("Go.", [row], fields={"inptu": "a"})
    assert api.seen == []
