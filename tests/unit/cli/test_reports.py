"""What a person and a program see of reports, of real runs on the fakes."""

from __future__ import annotations

import asyncio
import io
import json
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from pmpo.cli.main import main
from pmpo.cli.reports import print_diff, print_report
from pmpo.contracts.reports import ReportView
from pmpo.errors import ConflictError
from pmpo.runs.outcome import job_result
from pmpo.testing.ports import IDENTITY
from tests.unit.runs.report.world import JOBS, Ran, run

_RUNS: dict[str, Ran] = {}


def ran(name: str) -> Ran:
    if name not in _RUNS:
        _RUNS[name] = asyncio.run(run(JOBS[name]))
    return _RUNS[name]


def console(width: int = 80) -> Console:
    return Console(file=io.StringIO(), record=True, width=width, markup=False, highlight=False, emoji=False)


def printed(found: Ran, report: ReportView, width: int = 80) -> str:
    """As the command prints it: with the result where the job has one."""
    result = job_result("j", found.job, found.events, found.view().splits, IDENTITY)
    shown = console(width)
    print_report(shown, report, None if report.is_partial else result)  # type: ignore[arg-type]
    return shown.export_text()


def joined(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def at(api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PMPO_URL", api.url)
    api.add_job()
    api.reports["job-1"] = ran("pmpo").report(with_losses=False)
    return api


@pytest.mark.parametrize("name", JOBS)
def test_every_kind_of_job_can_be_shown_whole_and_in_part(name: str) -> None:
    found = ran(name)
    for num_events, state in ((None, "succeeded"), (len(found.events) // 2, "running"), (0, "queued")):
        report = found.report(num_events, state)  # type: ignore[arg-type]
        text = printed(found, report, width=60)
        assert max(map(len, text.splitlines())) <= 60
        for view in report.candidates:
            assert " ".join(view.prompt.split()) in joined(text)
        assert joined(report.note) in joined(text)


def test_the_sections_hold_the_numbers_of_the_run() -> None:
    found = ran("pmpo")
    report = found.report()
    text = joined(printed(found, report))
    test = report.outcome.test
    assert test is not None
    low, high = test.interval
    assert f"95 % interval of the test loss's change: {low:+.3f} to {high:+.3f}" in text
    assert report.correlation.sentence in text
    best = next(view for view in report.candidates if view.is_best)
    assert f"{best.id} 0 {best.iteration} {best.num_train} {best.train_loss:.3f} {best.validation_loss:.3f}" in text
    step = report.lineage[-1]
    assert f"candidate {step.candidate_id}, round {step.iteration}, for row {step.example_row}: train" in text
    for analysis in report.units:
        for unit in analysis.units:
            assert f"{unit.delta:+.3f} ± {unit.standard_error:.3f} {unit.text}" in text
    for point in report.curve:
        assert f"{point.iteration} {point.train_loss:.3f} {point.validation_loss:.3f} {point.scored_tokens:,}" in text


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_job_comes_first_then_texts_are_whole_and_equal_refusals_are_counted(width: int) -> None:
    found = ran("pmpo")
    report = found.report()
    first = report.candidates[0]
    long = " ".join(f"word{number}" for number in range(60))
    refused = {"id": None, "fate": "refused", "reason": "duplicate", "prompt": long}
    again = [first.model_copy(update={**refused, "number": 900 + number, "iteration": number}) for number in (2, 3, 5)]
    changed = report.model_copy(update={"name": "cities", "candidates": [first, *again]})
    text = printed(found, changed, width)
    assert text.startswith(f"Job {report.job_id}: cities, succeeded\n")
    assert joined(text).count("refused: tried before (3 times, to round 5)") == 1
    assert joined(text).count(long) == 1
    assert max(map(len, text.splitlines())) <= width


def test_losses_row_by_row_are_shown_when_they_were_asked_for() -> None:
    found = ran("pmpo")
    text = joined(printed(found, found.report()))
    losses = found.report().outcome.test_losses
    assert losses is not None
    for row, before, after in zip(losses.rows, losses.before, losses.after, strict=True):
        assert f"{row} {before:.3f} {after:.3f} {after - before:+.3f}" in text
    for split in ("train", "validation", "test"):
        assert f"Losses on the {split} rows" in text
    assert "Losses on the" not in printed(found, found.report(with_losses=False))


def test_texts_of_strangers_cannot_move_the_cursor() -> None:
    found = ran("pmpo")
    report = found.report()
    hostile = "\x1b[2J[bold]x[/bold]"
    candidates = [view.model_copy(update={"prompt": hostile}) for view in report.candidates]
    outcome = report.outcome.model_copy(update={"prompt_before": hostile, "prompt_after": f"{hostile} y"})
    changed = report.model_copy(update={"candidates": candidates, "outcome": outcome, "note": hostile})
    shown = console()
    print_report(shown, changed, None)
    print_diff(shown, changed, with_steps=True)
    text = shown.export_text()
    assert "\x1b" not in text and "<U+001B>[2J[bold]x[/bold]" in text


def test_report(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "job-1"]) == 0
    out = capsys.readouterr().out
    assert out.index("Verdict: confirmed") < out.index("Lineage") < out.index("Units") < out.index("Candidates: ")
    assert [seen.path for seen in at.seen] == ["/v1/jobs/job-1/report", "/v1/jobs/job-1/result"]
    assert main(["report", "job-1", "--losses", "--json"]) == 0
    assert at.seen[-1].query == {"losses": "true"}
    expected = at.reports["job-1"].model_copy(update={"job_id": "job-1"})
    assert json.loads(capsys.readouterr().out) == expected.model_dump(mode="json")


@pytest.mark.parametrize("state", ["running", "failed", "cancelled", "queued"])
def test_a_job_without_a_result_has_a_report(at: Any, capsys: pytest.CaptureFixture[str], state: Any) -> None:
    at.add_job(state=state)
    at.reports["job-1"] = ran("pmpo").report(20, state, with_losses=False)
    assert main(["report", "job-1"]) == 0
    out = joined(capsys.readouterr().out)
    assert at.reports["job-1"].note in out and "Used: " in out and "Verdict" not in out
    assert main(["diff", "job-1"]) == 0
    assert at.reports["job-1"].note in joined(capsys.readouterr().out)


def test_diff(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = at.reports["job-1"].outcome
    assert main(["diff", "job-1"]) == 0
    whole = capsys.readouterr().out
    assert whole.startswith("What changed ([-removed-] {+added+})\n  [-") and "Lineage" not in whole
    assert main(["diff", "job-1", "--steps"]) == 0
    assert "Lineage\ncandidate 0, seed prompt: train " in capsys.readouterr().out
    assert main(["diff", "job-1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["job_id"], found["state"]) == ("job-1", "succeeded")
    assert "".join(piece["text"] for piece in found["diff"] if piece["op"] != "insert") == outcome.prompt_before
    assert "".join(piece["text"] for piece in found["diff"] if piece["op"] != "delete") == outcome.prompt_after
    assert found["lineage"][0]["candidate_id"] == 0


def test_an_unchanged_prompt_is_said_to_be_one(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.reports["job-1"] = ran("pmpo").report(1, with_losses=False)
    assert main(["diff", "job-1"]) == 0
    assert "The prompt is unchanged." in capsys.readouterr().out


@pytest.mark.parametrize("command", ["report", "diff"])
def test_what_has_no_report(at: Any, double: ModuleType, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "nobody"]) == 2
    assert capsys.readouterr().err == "pmpo: there is no job 'nobody'\n"
    at.faults.append(double.problem(ConflictError("it compares no prompts")))
    assert main([command, "job-1", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["error"]["code"], found["job_id"]) == ("conflict", "job-1")
