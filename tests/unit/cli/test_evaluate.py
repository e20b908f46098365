"""``pmpo eval`` and what is printed of what it measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmpo.cli.main import main
from pmpo.contracts.evaluation import EvaluationView

COMPARISON = {
    "num_examples": 6,
    "loss_before": 2.0,
    "loss_after": 0.5,
    "difference": -1.5,
    "interval": [-2.0, -1.0],
    "p_value": 0.016,
    "accuracy_before": None,
    "accuracy_after": None,
}


def measured(prompt: str, loss: float, **more: Any) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "num_tokens": 4,
        "loss": loss,
        "standard_error": 0.125,
        "accuracy": 0.5,
        "preferred": None,
        "rows": list(range(6)),
        "losses": [loss, loss, loss, 9.0, loss, loss],
        "grades": [1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
        "hardest": [{"row": 3, "loss": 9.0, "input": "in", "wanted": "out", "answer": "Madrid [bold]", "grade": 0.0}],
        "comparison": None,
        **more,
    }


VIEW = EvaluationView.model_validate(
    {
        "job_id": "job-1",
        "name": "before",
        "stop_reason": "budget",
        "measured_set": "train",
        "num_rows": 6,
        "prompts": [measured("Do it.", 2.0), measured("Name the city.", 0.5, comparison=COMPARISON, accuracy=1.0)],
        "not_evaluated": ["Third."],
        "objective": {},
        "model": None,
        "scored_tokens": 1234,
        "computed_tokens": 900,
        "generated_tokens": 56,
        "seconds": 2.0,
    }
)


@pytest.fixture
def at(api_of_kind: Callable[[str, Any], Any]) -> Any:
    """The double, whose jobs are evaluate jobs."""
    return api_of_kind("evaluate", VIEW)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rows = "".join(json.dumps({"input": f"{row}", "target": "2"}) + "\n" for row in range(6))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "before.txt").write_text("Do it.\n", encoding="utf-8")
    (tmp_path / "after.txt").write_text("Name the city.\n", encoding="utf-8")
    job = "prompt: Add.\noptimizer: {algorithm: ape}\ndataset: {train: rows.jsonl}\n"
    (tmp_path / "job.yaml").write_text(job, encoding="utf-8")
    return tmp_path


def test_prompts_in_files_are_sent_as_one_job_and_shown_side_by_side(
    at: Any, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = [str(files / "before.txt"), str(files / "after.txt"), "--data", str(files / "rows.jsonl")]
    assert main(["eval", *prompts]) == 0
    body = json.loads(at.seen[0].body)
    assert (body["kind"], body["prompts"]) == ("evaluate", ["Do it.", "Name the city."])
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 2.000 0.125 50 % 4" in printed
    assert "2 0.500 0.125 -1.500 0.016 100 % 4" in printed
    assert "mean over 6 rows of train in nats per token" in printed
    assert "Not measured, because the budget had no room: 1 prompt." in printed
    assert "row 3, loss 9.000: in wanted out answered Madrid [bold]" in printed
    assert "Cost: 1,234 tokens scored, 56 generated, 2.0 s." in printed


def test_a_job_file_is_measured_whatever_its_optimizer_is(
    at: Any, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (files / "job.yaml").open("a", encoding="utf-8") as written:
        written.write("constraints: {anchors: [0], protect: [Process]}\nregistry: cities\n")
    assert main(["eval", str(files / "job.yaml"), "--metric", "none", "--json"]) == 0
    body = json.loads(at.seen[0].body)
    assert (body["kind"], body["metric"], body["optimizer"]) == ("evaluate", None, {})
    assert (body["constraints"], body["registry"]) == ({}, {"keep": False})
    assert json.loads(capsys.readouterr().out) == VIEW.model_dump(mode="json")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["before.txt"], "name the rows to measure it with: --data rows.jsonl"),
        (["job.yaml", "--data", "rows.jsonl"], "is a job file and names its data and fields"),
        (["job.yaml", "before.txt"], "job.yaml is a job file, and one is all that is read; give it alone"),
        (["none.txt", "--data", "rows.jsonl"], "none.txt"),
        (["job.yaml", "--metric", "taste"], "--metric is 'taste'; give one of exact_match"),
        (["job.yaml", "--local", "--url", "http://127.0.0.1:1"], "leave one of them out"),
    ],
)
def test_bad_input_is_one_sentence(
    files: Path, arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    assert main(["eval", *arguments]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_the_result_of_such_a_job(at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.add_job()
    assert main(["result", "job-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == VIEW.model_dump(mode="json")
