"""``pmpo datasets rationalize`` and what is printed of its data set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmpo.cli.main import main
from pmpo.contracts.modes import RationalesView

VIEW = RationalesView.model_validate(
    {
        "job_id": "job-1",
        "name": "sums",
        "stop_reason": "all_tried",
        "rows": [{"input": "1 + 1", "target": "Add.\nThe answer is 2"}],
        "row_numbers": [0],
        "without": [{"row": 1, "detail": "3 wrong, 1 cut off"}],
        "samples": 4,
        "generated_tokens": 1234,
        "seconds": 2.0,
    }
)


@pytest.fixture
def at(api_of_kind: Callable[[str, Any], Any]) -> Any:
    """The double, whose jobs are rationalize jobs."""
    return api_of_kind("rationalize", VIEW)


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    rows = "".join(json.dumps({"input": f"{row}", "target": "2"}) + "\n" for row in range(6))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "job.yaml").write_text("prompt: Add.\nmetric: number\ndataset: {train: rows.jsonl}\n", encoding="utf-8")
    return tmp_path / "job.yaml"


def test_rows_go_into_the_file_and_the_others_are_listed(
    at: Any, job_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    assert main(["datasets", "rationalize", str(job_file), "--out", str(out)]) == 0
    assert json.loads(at.seen[0].body)["kind"] == "rationalize"
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == VIEW.rows
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 of 2 rows got a rationale with a right answer. They are in" in printed
    assert "Rows without one (from 0): 1 3 wrong, 1 cut off" in printed
    assert main(["datasets", "rationalize", str(job_file), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**VIEW.model_dump(mode="json"), "written_to": str(out)}


def test_no_row_with_a_rationale_is_told_with_a_remedy_and_nothing_is_written(
    at: Any, job_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = [{"row": 0, "detail": "4 cut off"}, {"row": 1, "detail": "4 wrong"}, {"row": 2, "detail": "4 wrong"}]
    at.outcome = RationalesView.model_validate({**VIEW.model_dump(), "rows": [], "row_numbers": [], "without": lacking})
    out = tmp_path / "out.jsonl"
    sentence = f"got a rationale that ends in the right answer (most often: 4 wrong), so {out} was not written"
    assert main(["datasets", "rationalize", str(job_file), "--out", str(out)]) == 1
    printed, complaint = capsys.readouterr()
    assert "none of the 3 rows" in complaint and sentence in complaint and "raise rationalize.samples" in complaint
    assert "0 of 3 rows got a rationale" in printed and "1 4 wrong" in " ".join(printed.split())
    assert not out.exists()
    assert main(["datasets", "rationalize", str(job_file), "--out", str(out), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)
    assert (error["error"]["code"], error["job_id"]) == ("no_rationales", "job-1")
    assert not out.exists()


def test_a_file_that_cannot_be_written(at: Any, job_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "rationalize", str(job_file), "--out", str(job_file.parent)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_result_of_such_a_job(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.add_job()
    assert main(["result", "job-1"]) == 0
    assert '{"input": "1 + 1", "target": "Add.\\nThe answer is 2"}' in capsys.readouterr().out
    assert main(["result", "job-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["without"] == [{"row": 1, "detail": "3 wrong, 1 cut off"}]


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "rationalize", "--help"]) == 0
    assert "Example: pmpo datasets rationalize" in " ".join(capsys.readouterr().out.split())
