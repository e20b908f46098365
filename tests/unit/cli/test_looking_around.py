"""``list``, ``watch``, ``env``, ``doctor``, and the bound of the time left."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pmpo.cli.listing import moment
from pmpo.cli.main import main
from pmpo.cli.progress import JobProgress
from pmpo.contracts.jobs import JobFailure
from pmpo.contracts.sections import BudgetSpec
from pmpo.errors import InvalidInputError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def at(api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PMPO_URL", api.url)
    return api


def test_a_list(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "no jobs\n"
    for number in range(3):
        at.add_job(f"job-{number}", name="[b]a name", state="running")
    assert main(["list", "--limit", "2", "--state", "running", "--kind", "optimize", "--name", "[b]"]) == 0
    out = capsys.readouterr().out
    assert "job-2" in out and "job-1" in out and "job-0" not in out and "[b]a name" in out
    assert {"state", "kind", "name", "limit"} <= set(at.seen[-1].query)
    assert main(["list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["jobs"]) == 3


@pytest.mark.parametrize("options", [["--state", "gone"], ["--kind", "x"], ["--since", "soon"], ["--limit", "0"]])
def test_a_list_of_nonsense(at: Any, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", *options]) == 2
    assert options[0] in capsys.readouterr().err


def test_moments() -> None:
    assert moment("90m", NOW) == NOW - timedelta(minutes=90)
    assert moment("7d", NOW) == NOW - timedelta(days=7)
    assert moment("2026-02-03T04:05+00:00", NOW) == datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
    assert moment("2026-02-03", NOW).tzinfo is not None
    with pytest.raises(InvalidInputError):
        moment("3 weeks", NOW)


def test_a_watch_ends_with_the_result(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.streams = True
    at.add_job(kind="rationalize", state="failed")
    assert main(["watch", "job-1"]) == 1
    assert "Job job-1: review-city" in capsys.readouterr().out


def test_a_job_that_was_resumed_did_not_fail(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trouble = JobFailure(code="upstream", message="the scorer is away")
    for failure, said in ((None, "running, taken up 2 times"), (trouble, "running, attempt 2")):
        at.add_job(state="running", attempts=2, failure=failure, stop_reason="iterations")
        assert main(["status", "job-1"]) == 0
        lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
        assert f"state {said}" in lines and "stopped all rounds were used" in lines


def test_env_hides_keys(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PMPO_API_KEY", "s3cret")
    monkeypatch.setenv("PMPO_REDIS_URL", "redis://me:s3cret@host:6379/0")
    monkeypatch.setenv("PMPO_URL", "http://me:s3cret@host:8000")
    for options in ([], ["--json"]):
        assert main(["env", *options]) == 0
        out = capsys.readouterr().out
        assert "PMPO_REDIS_URL" in out and "http://***@host:8000" in out and "s3cret" not in out


def test_env_does_not_call_an_empty_key_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PMPO_API_KEY", "")
    assert main(["env"]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("PMPO_API_KEY=")]
    assert "set, not shown" not in line


def test_doctor_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--url", "http://127.0.0.1:9"]) == 1
    assert "no PMPO API answers at http://127.0.0.1:9; start one with `pmpo up`" in capsys.readouterr().out
    assert main(["doctor", "--url", "http://127.0.0.1:9", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False and found["checks"][-1]["name"] == "API"
    assert main(["doctor", "--url", "http://["]) == 1
    assert "failed API: 'http://[' is no address" in capsys.readouterr().out
    monkeypatch.setenv("PMPO_NONSENSE", "1")
    assert main(["doctor"]) == 1
    assert "PMPO_NONSENSE is no setting" in capsys.readouterr().out


def test_the_time_left_is_bounded_by_rounds_and_budget() -> None:
    progress = JobProgress(max_iterations=10, scored_tokens=100, generated_tokens=10, seconds=20.0)
    assert progress.most_left_s(BudgetSpec()) is None
    progress.num_finished = 2
    assert progress.most_left_s(BudgetSpec()) == 80.0
    assert progress.most_left_s(BudgetSpec(scored_tokens=300)) == 40.0
    assert progress.most_left_s(BudgetSpec(scored_tokens=300, seconds=25)) == 5.0
    assert progress.most_left_s(BudgetSpec(generated_tokens=5)) == 0.0
