from typing import Any

import httpx
import pytest


def test_a_job_goes_in_and_a_result_comes_out(undisturbed: Any, small_job: dict[str, Any]) -> None:
    view, result = undisturbed.view, undisturbed.result
    assert view["splits"] == {"train": 12, "validation": 5, "test": 7, "unused": 0}
    assert view["attempts"] == 1
    assert view["failure"] is None
    assert view["stop_reason"] == result["stop_reason"]
    assert view["verdict"] == result["verdict"]
    assert view["best_prompt"] == result["prompt_after"]
    assert result["prompt_before"] == small_job["prompt"]
    assert result["train_loss_after"] <= result["train_loss_before"]
    assert result["test"]["num_examples"] == 7
    assert result["model"]["model"] == "nano"
    assert result["scored_tokens"] > 0
    assert result["generated_tokens"] > 0


def test_the_events_are_numbered_without_gaps_from_start_to_end(undisturbed: Any) -> None:
    events = undisturbed.events
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "search_started"
    assert events[-1]["kind"] == "search_finished"
    accepted = [event for event in events if event["kind"] == "incumbent_accepted"]
    assert len(accepted) == undisturbed.result["num_accepted"]


def test_the_ledger_is_what_the_events_say(undisturbed: Any) -> None:
    spent = undisturbed.events[-1]["data"]["result"]["spent"]
    for name in ("scored_tokens", "generated_tokens"):
        assert undisturbed.result[name] == spent[name]
        assert undisturbed.view["progress"][name] == spent[name]


def test_the_report_tells_of_every_candidate_and_agrees_with_the_result(api: httpx.Client, undisturbed: Any) -> None:
    result, job_id = undisturbed.result, undisturbed.result["job_id"]
    report = api.get(f"/v1/jobs/{job_id}/report", params={"losses": True}).json()
    for name in ("verdict", "stop_reason", "prompt_before", "prompt_after", "test", "num_iterations", "num_accepted"):
        assert report["outcome"][name] == result[name], name
    assert (report["model"], report["flat_pairs"]) == (result["model"], result["flat_pairs"])
    assert report["budget"]["scored_tokens"]["used"] == result["scored_tokens"]
    assert report["lineage"][-1]["prompt"] == result["prompt_after"]
    assert len(report["candidates"]) == 1 + result["num_candidates"] + report["counts"].get("refused", 0)
    assert sum(view["fate"] in ("dropped", "refused") for view in report["candidates"]) == len(result["rejected"])
    assert sum(view["is_best"] for view in report["candidates"]) == 1
    assert report["units"][0]["units"]
    page = api.get(f"/v1/jobs/{job_id}/candidates", params={"limit": 500, "losses": True}).json()
    assert page["candidates"] == report["candidates"]


def test_the_job_is_listed_and_its_events_can_be_read_in_pages(jobs: Any, undisturbed: Any) -> None:
    job_id = undisturbed.result["job_id"]
    listed = jobs.client.get("/v1/jobs", params={"limit": 100}).json()["jobs"]
    assert job_id in [view["id"] for view in listed]
    assert [view["created_at"] for view in listed] == sorted((view["created_at"] for view in listed), reverse=True)
    assert jobs.events(job_id, after=3) == undisturbed.events[3:]
    page = jobs.client.get(f"/v1/jobs/{job_id}/events", params={"after": 10_000, "wait": 30}).json()
    assert page == {"events": [], "last": 10_000, "state": "succeeded"}


def test_the_stack_says_that_it_is_ready_and_what_it_asked(api: httpx.Client) -> None:
    assert api.get("/healthz").json()["status"] == "alive"
    ready = api.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checked"] == ["redis", "scorer default"]


@pytest.mark.parametrize("given", ["abc-123", ""])
def test_every_answer_carries_a_request_id(api: httpx.Client, given: str) -> None:
    answer = api.get("/v1/jobs", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == (given or answer.headers["x-request-id"])
    assert answer.headers["x-request-id"]
