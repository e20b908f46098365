"""The commands against a server double: what is printed where, and how they end."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pmpo.cli import commands as cli
from pmpo.cli.exits import exit_code
from pmpo.cli.jobs import read_job
from pmpo.cli.main import main
from pmpo.cli.watch import Watcher
from pmpo.client import Client
from pmpo.contracts.jobs import JobFailure
from pmpo.contracts.registry import PromptRef
from pmpo.errors import (
    ConfigurationError,
    ConflictError,
    EngineError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)

COMMANDS = ["demo", "up", "optimize", "estimate", "compress", "eval", "submit", "status", "cancel"]
COMMANDS += ["pause", "resume", "result", "watch", "list", "report", "diff"]
COMMANDS += ["delete", "gc", "export", "import", "score", "analyze", "doctor", "env"]
ABOUT_A_JOB = ("status", "cancel", "pause", "resume", "result", "watch", "report", "diff")
SUMMARY_KEYS = {
    "job_id", "stop_reason", "verdict", "train_loss_before", "train_loss_after", "validation_loss_before",
    "validation_loss_after", "test_loss_before", "test_loss_after", "test_accuracy_before", "test_accuracy_after",
    "prompt_before", "prompt_after", "scored_tokens", "computed_tokens", "generated_tokens", "seconds",
}  # fmt: skip


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    rows = "".join(json.dumps({"input": f"in {number}", "target": "out"}) + "\n" for number in range(6))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    path = tmp_path / "job.yaml"
    path.write_text("name: my [job]\nprompt: Process.\ndataset: {train: rows.jsonl}\nseed: 3\n", encoding="utf-8")
    return path


@pytest.fixture
def at(api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The double, at the address that the settings name."""
    monkeypatch.setenv("PMPO_URL", api.url)
    return api


def dead_url() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"Example: pmpo {command}" in capsys.readouterr().out


def test_every_command_is_known_here() -> None:
    assert [cli.command_name(command) for command in cli.EXAMPLES] == COMMANDS


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"pmpo \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_a_mistyped_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sumbit"]) == 2
    assert "submit" in capsys.readouterr().err


def test_submit_prints_the_id(at: Any, job_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", str(job_file)]) == 0
    assert capsys.readouterr() == ("job-1\n", "")
    assert main(["submit", str(job_file), "--json", "--seed", "9"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "job-2"
    assert [json.loads(seen.body).get("seed", 0) for seen in at.seen] == [3, 9]


def test_status(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.add_job(state="running", warnings=["few rows"], name="[b]x")
    assert main(["status", "job-1"]) == 0
    out = capsys.readouterr().out
    assert "job-1 ([b]x)" in out and "running" in out and "few rows" in out
    assert main(["status", "job-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "running"


def test_a_setback_is_told_apart_from_a_failure(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trouble = JobFailure(code="scorer_unavailable", message="the scorer is away", retryable=True)
    at.add_job("job-1", state="queued", failure=trouble)
    at.add_job("job-2", state="failed", failure=trouble)
    main(["status", "job-1"])
    assert "it is tried again" in " ".join(capsys.readouterr().out.split())
    main(["status", "job-2"])
    assert "it is tried again" not in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("command", "state"), [("pause", "paused"), ("resume", "queued")])
def test_pause_and_resume(at: Any, capsys: pytest.CaptureFixture[str], command: str, state: str) -> None:
    at.add_job(state="running")
    assert main([command, "job-1"]) == 0
    assert capsys.readouterr().out == f"job job-1 is {state}\n"
    assert main([command, "job-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == state


def test_cancel(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.add_job(state="running")
    assert main(["cancel", "job-1"]) == 0
    assert capsys.readouterr().out == "job job-1 is cancelling\n"
    assert main(["cancel", "job-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "cancelling"


def test_result(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.add_job()
    assert main(["result", "job-1"]) == 0
    assert "Verdict: confirmed" in capsys.readouterr().out
    assert main(["result", "job-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**at.results["job-1"].model_dump(mode="json"), "registered": None}


def test_the_version_of_the_registry_is_told_where_there_is_one(
    at: Any, job_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at.add_job("job-1", registered=PromptRef(name="city", version=4))
    at.add_job("job-2")
    for job_id, name in (("job-1", "city"), ("job-2", None)):
        assert main(["result", job_id]) == 0
        assert ("The new prompt is version 4 of city in the registry." in capsys.readouterr().out) == bool(name)
        assert main(["result", job_id, "--json"]) == 0
        assert (json.loads(capsys.readouterr().out)["registered"] or {}).get("name") == name
    at.add_job("job-3", registered=PromptRef(name="city", version=5, kept_labels={"confirmed": 4}))
    for command in ("result", "status"):
        assert main([command, "job-3"]) == 0
        assert "onfirmed stays at version 4, whose test loss is lower" in " ".join(capsys.readouterr().out.split())
    at.registered = {"name": "town", "version": 2}
    assert main(["optimize", str(job_file)]) == 0
    assert "The new prompt is version 2 of town in the registry." in capsys.readouterr().out
    assert main(["optimize", str(job_file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["registered_name"], told["registered_version"]) == ("town", 2)


def test_nothing_is_told_of_a_registry_that_ends_with_the_command(
    api: Any, job_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.registered = {"name": "town", "version": 2}
    spec = read_job(job_file, None)
    with Client(api.url) as client:
        Watcher(None, lambda _: "", as_json=False, is_passing=True).run_to_end(client, spec)
        out = capsys.readouterr().out
        assert "Verdict: confirmed" in out and "registry" not in out
        Watcher(None, lambda _: "", as_json=True, is_passing=True).run_to_end(client, spec)
        assert json.loads(capsys.readouterr().out)["registered_name"] is None


def test_optimize_shows_progress_and_result(at: Any, job_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", str(job_file)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Job job-1: my [job]\n  rows     50 to train, 20 to validate, 30 to test\n")
    assert "\n  prompt   Process.\n  input    in 0\n  wanted   out\n" in out
    assert "\niteration 3/20: " in out and "Verdict: confirmed" in out
    assert err == ""


def test_optimize_json_is_one_object(at: Any, job_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", str(job_file), "--json", "--seed", "5"]) == 0
    out, err = capsys.readouterr()
    assert set(json.loads(out)) >= SUMMARY_KEYS
    assert err == ""
    assert json.loads(at.seen[0].body)["seed"] == 5


def test_untested_fields_are_null(
    at: Any, double: ModuleType, job_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at.results = UntestedResults(double)
    assert main(["optimize", str(job_file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in found if name.startswith("test_")} == dict.fromkeys(
        ["test_loss_before", "test_loss_after", "test_difference", "test_interval", "test_p_value",
         "test_accuracy_before", "test_accuracy_after", "test_preferred_before", "test_preferred_after"]
    )  # fmt: skip


class UntestedResults(dict[str, Any]):
    def __init__(self, double: ModuleType) -> None:
        super().__init__()
        self._double = double

    def __getitem__(self, job_id: str) -> Any:
        return self._double.make_result(job_id, test=None, verdict="untested")


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_ends_badly(at: Any, job_file: Path, capsys: pytest.CaptureFixture[str], state: str) -> None:
    at.ending = state
    assert main(["optimize", str(job_file), "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == state
    assert json.loads(out)["job_id"] == "job-1"
    assert one_sentence(err).startswith(f"pmpo: job job-1 {'was ' if state == 'cancelled' else ''}{state}")


def test_a_lost_connection_is_noticed_and_survived(
    at: Any, double: ModuleType, job_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pmpo.client.watching.FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr("time.sleep", lambda _: None)
    lose_events(at, double, times=4)
    assert main(["optimize", str(job_file)]) == 0
    out = capsys.readouterr().out
    assert "trying again (1 of 8)" in out and "Verdict: confirmed" in out


def test_a_connection_lost_for_good_says_how_to_go_on(
    at: Any, double: ModuleType, job_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pmpo.client.watching.FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr("time.sleep", lambda _: None)
    lose_events(at, double, times=1000)
    assert main(["optimize", str(job_file)]) == 3
    err = one_sentence(capsys.readouterr().err)
    assert "lost sight of job job-1" in err and "`pmpo status job-1`" in err


def lose_events(api: Any, double: ModuleType, *, times: int) -> None:
    """Every request after the submission meets a 503, ``times`` times."""
    answer = api.answer

    def losing(seen: Any) -> Any:
        answered = answer(seen)
        if seen.method == "POST":
            api.faults.extend([double.Fault(503)] * times)
        return answered

    api.answer = losing


@pytest.mark.parametrize("command", [[name, "x"] for name in ABOUT_A_JOB])
def test_no_api(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    url = dead_url()
    assert main([*command, "--url", url]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"pmpo: no PMPO API answers at {url}; start one with `pmpo up` or set PMPO_URL\n"


def test_an_unknown_job(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["result", "nobody", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "not_found"
    assert one_sentence(err) == "pmpo: there is no job 'nobody'"


def test_a_mistyped_setting(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PMPO_URI", "http://127.0.0.1:1")
    assert main(["status", "x"]) == 2
    assert "did you mean PMPO_URL?" in one_sentence(capsys.readouterr().err)


def test_an_address_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "x", "--url", "localhost"]) == 2
    assert "is no address of an API" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(InvalidInputError, 2), (NotFoundError, 2), (ConflictError, 2), (ConfigurationError, 2), (EngineError, 3),
     (UnavailableError, 3)],
)  # fmt: skip
def test_exit_codes(error: Any, expected: int) -> None:
    assert exit_code(error("x")) == expected


def one_sentence(err: str) -> str:
    """What stands on stderr; it is one line and no traceback."""
    assert err.count("\n") == 1 and "Traceback" not in err
    return err.strip()


def test_why_nothing_happens_is_told_once(
    at: Any, job_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble = JobFailure(code="scorer_unavailable", message="the scorer is away", retryable=True)
    idle = 0
    answer = at.answer

    def waiting(seen: Any) -> Any:
        nonlocal idle
        if seen.path.endswith("/events") and idle < 3:
            idle += 1
            at.jobs["job-1"] = at.jobs["job-1"].model_copy(update={"state": "queued", "failure": trouble})
            return 200, {"events": [], "last": 0, "state": "queued"}
        if seen.path.endswith("/events"):
            at.jobs["job-1"] = at.jobs["job-1"].model_copy(update={"state": "succeeded", "failure": None})
        return answer(seen)

    at.answer = waiting
    assert main(["optimize", str(job_file)]) == 0
    assert capsys.readouterr().out.count("the last attempt failed and is made again: the scorer is away") == 1


def test_unused_rows_are_told(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.add_job(splits={"train": 50, "validation": 20, "test": 30, "unused": 650})
    main(["status", "job-1"])
    assert "50 to train, 20 to validate, 30 to test; 650 rows unused" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["cancel", "result"])
def test_a_conflict_names_the_job(
    at: Any, double: ModuleType, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    at.add_job(state="cancelled")
    at.faults.append(double.problem(ConflictError("job job-1 is over")))
    assert main([command, "job-1", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["error"]["code"], found["job_id"]) == ("conflict", "job-1")


def test_an_interrupted_watch_names_the_job(
    at: Any, job_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pmpo.cli.watch.JobProgress.apply", interrupted)
    assert main(["optimize", str(job_file), "--json"]) == 130
    out, err = capsys.readouterr()
    assert (json.loads(out)["error"]["code"], json.loads(out)["job_id"]) == ("interrupted", "job-1")
    assert one_sentence(err).startswith("pmpo: stopped watching job job-1; it goes on without you")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk(at: Any, options: list[str]) -> None:
    at.add_job()
    with Path("/dev/full").open("w") as full:
        ended = pmpo("result", "job-1", *options, stdout=full)
    assert ended.returncode == 3
    assert ended.stderr == "pmpo: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_left(at: Any, options: list[str]) -> None:
    at.add_job()
    reading, writing = os.pipe()
    os.close(reading)
    ended = pmpo("result", "job-1", *options, stdout=writing)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")


def pmpo(*arguments: str, stdout: Any) -> subprocess.CompletedProcess[str]:
    program = "from pmpo.cli.main import run; run()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=60)


def test_an_estimate_is_shown_and_queues_nothing(at: Any, job_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", str(job_file)]) == 0
    shown = capsys.readouterr()
    assert at.jobs == {}
    assert re.search(r"scored tokens +10,000 +41,000 +90,000 +9,000", shown.out)
    assert re.search(r"money +0\.1000 +0\.2500 +0\.5000 +0\.0900", shown.out)
    assert "for all 20 rounds" in shown.out
    assert "few [rows]" in shown.err
    assert main(["estimate", str(job_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == at.estimate


def test_an_estimate_without_prices_speaks_of_no_money(
    at: Any, job_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at.estimate = at.estimate | {"money": None}
    assert main(["estimate", str(job_file)]) == 0
    assert "money" not in capsys.readouterr().out
