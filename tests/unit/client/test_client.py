"""The client against a real server over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas
import pytest
from pydantic import ValidationError

from pmpo.client import AsyncClient, Client, Retries
from pmpo.contracts.jobs import JobSpec
from pmpo.errors import (
    BudgetTooSmallError,
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    OverloadedError,
    PmpoError,
    StoreUnavailableError,
    UnavailableError,
    UpstreamError,
    error_classes,
)
from tests.unit.runs.report.world import JOBS, run

SPEC = JobSpec(name="a job", prompt="Process.", dataset={"train": [{"input": "a", "target": "b"}]})  # type: ignore[arg-type]
QUICK = Retries(first_wait_s=0.001, max_wait_s=0.002)


def client_of(api: Any, **more: Any) -> Client:
    return Client(api.url, retries=QUICK, **more)


def free_address() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_job_from_start_to_result(api: Any) -> None:
    with client_of(api) as client:
        created = client.create_job(SPEC)
        assert client.wait(created.id).state == "succeeded"
        assert client.get_job(created.id, wait_s=0).name == "a job"
        assert client.result(created.id).verdict == "confirmed"
        assert [event.number for event in client.iterate_events(created.id)] == list(range(1, 15))


async def test_reports_and_candidates(api: Any) -> None:
    job_id = api.add_job(state="running")
    api.reports[job_id] = (await run(JOBS["pmpo"])).report(with_losses=False)
    async with AsyncClient(api.url, retries=QUICK) as client:
        report = await client.report(job_id, with_losses=True)
        assert report.candidates == api.reports[job_id].candidates
        assert (report.job_id, report.state) == (job_id, "running")
        page = await client.candidates(job_id, after=4, limit=2, fate="dropped", with_losses=True)
        assert (page.counts, page.next) == ({"dropped": 3}, None)
        await client.candidates(job_id)
        with pytest.raises(NotFoundError):
            await client.report("nobody")
    queries = [seen.query for seen in api.seen]
    everything = {"after": "4", "limit": "2", "fate": "dropped", "losses": "true"}
    assert queries[:3] == [{"losses": "true"}, everything, {"after": "0"}]
    with client_of(api) as blocking:
        assert await asyncio.to_thread(blocking.report, job_id) == report
        assert await asyncio.to_thread(blocking.candidates, job_id, fate="open") == page


async def test_both_faces_give_the_same(api: Any) -> None:
    job_id = api.add_job()
    blocking = client_of(api)
    async with AsyncClient(api.url, retries=QUICK) as client:
        assert (await client.create_job(SPEC)).id == "job-2"
        assert await client.get_job(job_id) == await asyncio.to_thread(blocking.get_job, job_id)
        assert await client.events(job_id, after=2) == await asyncio.to_thread(blocking.events, job_id, after=2)
        assert await client.result(job_id) == await asyncio.to_thread(blocking.result, job_id)
        assert await client.wait(job_id) == await asyncio.to_thread(blocking.wait, job_id)
        seen = [event async for event in client.iterate_events(job_id)]
        assert seen == await asyncio.to_thread(lambda: list(blocking.iterate_events(job_id)))
        assert (await client.cancel_job(job_id)).state == "cancelling"
    blocking.close()


def test_a_job_may_be_given_as_its_keys(api: Any) -> None:
    keys = SPEC.model_dump(exclude_unset=True)
    with client_of(api) as client:
        assert client.get_job(client.create_job(keys).id, wait_s=0).name == "a job"
        client.create_job(SPEC)
        assert api.seen[0].body == api.seen[-1].body
        num_seen = len(api.seen)
        with pytest.raises(InvalidInputError, match="promt"):
            client.create_job({"promt": "Process.", "dataset": keys["dataset"]})
        with pytest.raises(InvalidInputError, match="a dict of its keys, not str"):
            client.create_job("job.yaml")  # type: ignore[arg-type]
    assert len(api.seen) == num_seen


def test_the_sets_of_a_job_may_be_whatever_holds_rows(api: Any, tmp_path: Path) -> None:
    rows = [{"input": "a", "target": "b"}, {"input": "c", "target": "d"}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    frame = pandas.DataFrame(rows)
    sent = []
    with client_of(api) as client:
        for dataset in ({"train": frame, "test": path}, {"train": str(path), "test": iter(rows)}):
            client.create_job({"name": "n", "prompt": "Process.", "dataset": dataset})
            sent.append(json.loads(api.seen[-1].body)["dataset"])
        client.create_job({"name": "n", "prompt": "Process.", "dataset": frame})
        assert json.loads(api.seen[-1].body)["dataset"] == {"train": rows}
        with pytest.raises(InvalidInputError, match="the data is a int; give a path, a list of dicts"):
            client.create_job({"name": "n", "prompt": "Process.", "dataset": {"train": 5}})
    assert sent == [{"train": rows, "test": rows}] * 2
    with pytest.raises(ValidationError, match="a DataFrame where a list of rows, or the id"):
        JobSpec(prompt="Process.", dataset={"train": frame})  # type: ignore[arg-type]


def test_both_faces_offer_the_same_calls() -> None:
    public = {name for name in dir(AsyncClient) if not name.startswith("_")} - {"pause"}
    assert public == {name for name in dir(Client) if not name.startswith("_")}
    for name in public - {"close", "local"}:
        assert getattr(Client, name).__doc__ == getattr(AsyncClient, name).__doc__


def test_the_spec_travels_as_it_was_written(api: Any) -> None:
    with client_of(api, api_key="secret") as client:
        client.create_job(SPEC, idempotency_key="once")
    [seen] = api.seen
    assert JobSpec.model_validate_json(seen.body) == SPEC
    assert seen.headers["idempotency-key"] == "once"
    assert seen.headers["authorization"] == "Bearer secret"


def test_a_wait_is_asked_for(api: Any) -> None:
    job_id = api.add_job()
    with client_of(api) as client:
        client.get_job(job_id, wait_s=7)
        client.events(job_id, after=3, wait_s=2.5)
    assert [seen.query for seen in api.seen] == [{"wait": "7"}, {"after": "3", "wait": "2.5"}]


@pytest.mark.parametrize("code", sorted(error_classes()))
def test_every_error_class_comes_back(api: Any, double: ModuleType, code: str) -> None:
    error = error_classes()[code]("what was wrong")
    api.faults.extend([double.problem(error)] * 4)
    with client_of(api) as client, pytest.raises(PmpoError, match="what was wrong") as raised:
        client.get_job("job-1")
    assert type(raised.value) is type(error)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateway_that_recovers_is_not_noticed(api: Any, double: ModuleType, status: int) -> None:
    job_id = api.add_job()
    api.faults.extend([double.Fault(status)] * 3)
    with client_of(api) as client:
        assert client.get_job(job_id).id == job_id
    assert len(api.seen) == 4


def test_retries_end(api: Any, double: ModuleType) -> None:
    api.faults.extend([double.Fault(503)] * 9)
    with client_of(api) as client, pytest.raises(UnavailableError, match="answered 503"):
        client.get_job("job-1")
    assert len(api.seen) == 4


def test_what_the_caller_did_wrong_is_not_repeated(api: Any, double: ModuleType) -> None:
    api.faults.append(double.problem(BudgetTooSmallError("give more")))
    with client_of(api) as client, pytest.raises(BudgetTooSmallError):
        client.create_job(SPEC)
    with client_of(api) as client, pytest.raises(NotFoundError):
        client.get_job("nobody")
    assert len(api.seen) == 2


@pytest.mark.parametrize("how", ["header", "body"])
def test_retry_after_is_honoured(api: Any, double: ModuleType, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    job_id = api.add_job()
    if how == "header":
        api.faults.append(double.problem(OverloadedError("full"), **{"retry-after": "17"}))
    else:
        api.faults.append(double.problem(OverloadedError("full", retry_after_s=17)))
    with client_of(api) as client:
        assert client.get_job(job_id).id == job_id
    assert slept == [17.0]


def test_a_retry_after_beyond_patience_is_told_at_once(api: Any, double: ModuleType) -> None:
    api.faults.append(double.problem(OverloadedError("full"), **{"retry-after": "3600"}))
    with client_of(api) as client, pytest.raises(OverloadedError) as raised:
        client.get_job("job-1")
    assert raised.value.retry_after_s == 3600
    assert len(api.seen) == 1


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"status": 504}])
def test_a_submission_is_repeated_under_its_key_and_makes_one_job(
    api: Any, double: ModuleType, fault: dict[str, Any]
) -> None:
    api.faults.append(double.Fault(**fault, is_handled=True))
    with client_of(api) as client:
        assert client.create_job(SPEC).id == "job-1"
        assert client.create_job(SPEC).id == "job-2"
    assert list(api.jobs) == ["job-1", "job-2"]
    keys = [seen.headers["idempotency-key"] for seen in api.seen]
    assert keys[0] == keys[1] != keys[2]


def test_a_cancellation_is_repeated(api: Any, double: ModuleType) -> None:
    job_id = api.add_job()
    api.faults.append(double.Fault(drop=True, is_handled=True))
    with client_of(api) as client:
        assert client.cancel_job(job_id).state == "cancelling"


def test_a_job_is_paused_and_resumed_also_when_an_answer_is_lost(api: Any, double: ModuleType) -> None:
    job_id = api.add_job(state="running")
    with client_of(api) as client:
        for call, state in ((client.pause_job, "paused"), (client.resume_job, "queued")):
            api.faults.append(double.Fault(drop=True, is_handled=True))
            assert call(job_id).state == state


def test_nobody_there() -> None:
    url = free_address()
    with Client(url, retries=QUICK) as client:
        with pytest.raises(UnavailableError) as raised:
            client.get_job("job-1")
        assert not client.is_alive()
    assert str(raised.value) == f"no PMPO API answers at {url}; start one with `pmpo up` or set PMPO_URL"


def test_another_program_at_the_address(api: Any, double: ModuleType) -> None:
    api.faults.extend([double.Fault(404, b"<html>"), double.Fault(200, b"<html>")])
    with client_of(api) as client:
        with pytest.raises(UpstreamError, match="is no PMPO API"):
            client.get_job("job-1")
        with pytest.raises(UpstreamError, match="is no JobView"):
            client.get_job("job-1")


def test_a_newer_service_may_say_more(api: Any, double: ModuleType) -> None:
    job_id = api.add_job()
    body = api.jobs[job_id].model_dump_json()[:-1] + ', "a_key_of_tomorrow": 1}'
    api.faults.append(double.Fault(200, body.encode()))
    with client_of(api) as client:
        assert client.get_job(job_id).id == job_id


def test_life(api: Any, double: ModuleType) -> None:
    with client_of(api) as client:
        assert client.is_alive()
        api.faults.extend([double.Fault(200, b"<html>"), double.Fault(404), double.Fault(drop=True)])
        assert [client.is_alive() for _ in range(4)] == [False, False, False, True]


NO_ADDRESSES = ("localhost:8000", "", "ftp://host", "http://host?x=1", "http://a b")
NO_HOSTS = ("", "[", "[zz]", "127.0.0.1:x", "127.0.0.1:99999", "..", "n" * 300, "xn--", "127.0\n.0.1")


@pytest.mark.parametrize("url", [*NO_ADDRESSES, *(f"http://{host}" for host in NO_HOSTS)])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(InvalidInputError, match="is no address of an API"):
        Client(url)


@pytest.mark.parametrize("key", ["two words", "two\nlines", "a\rb", "schlüssel", "a\x01"])
def test_a_key_that_no_header_can_carry_is_not_sent_nor_shown(api: Any, key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^the API key \(PMPO_API_KEY\) has a blank") as raised:
        Client(api.url, api_key=key)
    assert key not in str(raised.value)


def test_blanks_around_a_key_and_an_address_are_a_file_s(api: Any) -> None:
    with Client(f"{api.url}/\n", api_key=" secret\r\n") as client:
        assert client.is_alive()
    assert api.seen[0].headers["authorization"] == "Bearer secret"


def test_an_id_too_long_for_an_address_is_refused(api: Any) -> None:
    with client_of(api) as client, pytest.raises(InvalidInputError, match="too long to be asked for; shorten it"):
        client.get_job("x" * 100_000)


@pytest.mark.parametrize("job_id", [None, 5, "\ud800"])
def test_what_is_no_id_is_refused(api: Any, job_id: Any) -> None:
    with client_of(api) as client, pytest.raises(InvalidInputError, match="is no id; give the text"):
        client.get_job(job_id)


def test_an_empty_job_id_is_refused(api: Any) -> None:
    with client_of(api) as client, pytest.raises(InvalidInputError, match="job id is empty"):
        client.get_job(" ")


def test_a_job_id_cannot_leave_its_place(api: Any) -> None:
    with client_of(api) as client, pytest.raises(NotFoundError):
        client.get_job("../../readyz?x=1")
    assert api.seen[0].path.startswith("/v1/jobs/..%2F")


def test_events_come_once_and_in_order_over_pages_and_losses(
    api: Any, double: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pmpo.client.watching.FIRST_PAUSE_S", 0.0)
    job_id = api.add_job(num_iterations=5)
    api.page_size = 2
    losses: list[int] = []
    numbers = []
    with Client(api.url, retries=Retries(max_attempts=1)) as client:
        for event in client.iterate_events(job_id, on_lost=lambda _, times: losses.append(times)):
            numbers.append(event.number)
            if event.number in (3, 8):
                api.faults.extend([double.Fault(503), double.Fault(drop=True)])
    assert numbers == list(range(1, len(api.events[job_id]) + 1))
    assert losses == [1, 2, 1, 2]


def test_watching_gives_up_when_the_losses_do_not_end(
    api: Any, double: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pmpo.client.watching.FIRST_PAUSE_S", 0.0)
    job_id = api.add_job()
    api.faults.extend([double.problem(StoreUnavailableError("Redis is down"))] * 9)
    with Client(api.url, retries=Retries(max_attempts=1)) as client:
        with pytest.raises(StoreUnavailableError):
            list(client.iterate_events(job_id, max_losses=2))
        with pytest.raises(StoreUnavailableError):
            client.wait(job_id, max_losses=2)
    assert len(api.seen) == 6


def test_watching_does_not_survive_what_is_no_loss(api: Any) -> None:
    with client_of(api) as client, pytest.raises(NotFoundError):
        list(client.iterate_events("nobody"))


def test_a_result_too_early_is_a_conflict(api: Any) -> None:
    job_id = api.add_job(state="running")
    with client_of(api) as client, pytest.raises(ConflictError):
        client.result(job_id)


def test_importing_the_client_imports_nothing_heavy() -> None:
    heavy = ["rich", "typer", "numpy", "yaml", "httpx", "tenacity", "pydantic_settings", "torch", "asyncio"]
    code = f"import sys, pmpo.client; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_settings_give_address_and_key(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMPO_URL", api.url + "/")
    monkeypatch.setenv("PMPO_API_KEY", "from-the-environment")
    job_id = api.add_job()
    with Client() as client:
        assert client.get_job(job_id).id == job_id
    assert api.seen[0].headers["authorization"] == "Bearer from-the-environment"


@pytest.mark.parametrize("timeout_s", [0, -1.0, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(timeout_s: float) -> None:
    with pytest.raises(InvalidInputError, match="give a number of seconds above 0"):
        Client("http://127.0.0.1:1", timeout_s=timeout_s)
