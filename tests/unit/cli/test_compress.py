"""``pmpo compress`` against a server double, and what a person reads of a compression."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from pmpo.cli import shorter
from pmpo.cli.main import main
from pmpo.cli.report import print_result
from pmpo.contracts.modes import CompressionView
from pmpo.optim.mode_results import UnitFate


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rows = "".join(json.dumps({"input": f"in {number}", "target": "out"}) + "\n" for number in range(6))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "prompt.txt").write_text("Name the city. Be kind.\n", encoding="utf-8")
    (tmp_path / "job.yaml").write_text("prompt: Say it. Now.\ndataset: {train: rows.jsonl}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def at(api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PMPO_URL", api.url)
    return api


def sent(api: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(api.seen[0].body)
    return found


def test_a_prompt_and_its_data_become_a_job(at: Any, files: Path) -> None:
    data = str(files / "rows.jsonl")
    command = ["compress", str(files / "prompt.txt"), "--data", data, "--margin", "0.1", "--seed", "3", "--json"]
    assert main(command) == 0
    job = sent(at)
    assert (job["name"], job["kind"], job["prompt"]) == ("prompt", "compress", "Name the city. Be kind.")
    assert (job["compress"]["margin"], job["seed"], len(job["dataset"]["train"])) == (0.1, 3, 6)


def test_a_job_file_is_compressed_whatever_its_kind(at: Any, files: Path) -> None:
    assert main(["compress", str(files / "job.yaml"), "--tolerance", "0.02", "--json"]) == 0
    assert (sent(at)["kind"], sent(at)["compress"]) == ("compress", {"tolerance": 0.02})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prompt.txt"], "name the rows to measure it with"),
        (["job.yaml", "--data", "rows.jsonl"], "is a job file and names its data"),
        (["promt.txt", "--data", "rows.jsonl"], "did you mean prompt.txt"),
        (["job.yaml", "--tolerance", "0.2"], "margin must be larger"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(
    words: list[str], said: str, files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    assert main(["compress", *words, "--url", "http://127.0.0.1:9"]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def _fate(text: str, reason: str, tokens: int = 0, loss: float | None = None) -> dict[str, Any]:
    outcome = {"is_deleted": not reason, "num_tokens": tokens, "reason": reason}
    return {"text": text, "importance": 0.001, "train_loss": loss, "validation_loss": loss, **outcome}


FOUND = CompressionView.model_validate(
    {
        "epsilon": 0.01,
        "tolerance": 0.01,
        "margin": 0.05,
        "tokens_before": 20,
        "tokens_after": 15,
        "units": [_fate("Thank you.", "", 5, 0.5), _fate("Name the city.", "important")],
    }
)


def printed(result: Any) -> str:
    console = Console(file=io.StringIO(), record=True, width=80, markup=False, highlight=False, emoji=False)
    print_result(console, result)
    return " ".join(console.export_text().split())


def test_the_report_says_what_was_saved_and_about_which_margin(double: ModuleType) -> None:
    test = double.make_result().test.model_copy(update={"interval": (-0.01, 0.02), "p_value": 0.001})
    text = printed(double.make_result(compression=FOUND, test=test, verdict="confirmed"))
    assert "5 of 20 (25 %) fewer tokens, and not worse:" in text
    assert "-0.010 to +0.020 nats per token (95 % interval), which is below 0.05." in text
    assert "(p = 0.001 for a rise of 0.05 or more)" in text
    assert "Units: 1 of 2 deleted, 20 tokens before and 15 after" in text
    assert "deleted, 5 tokens less, validation loss 0.500" in text
    assert "+0.001 Name the city. kept: needed" in text
    assert "better" not in text.split("Verdict")[1].split("train loss")[0]


def test_an_open_verdict_says_so(double: ModuleType) -> None:
    text = printed(double.make_result(compression=FOUND, verdict="unconfirmed"))
    assert "a loss of 0.05 nats per token cannot be ruled out" in text
    untested = printed(double.make_result(compression=FOUND, test=None, verdict="untested"))
    assert "5 are the least" in untested
    same = double.make_result(compression=FOUND, prompt_after="Process the input. Thank you.", verdict="unconfirmed")
    assert "Nothing could be deleted; your prompt is kept." in printed(same)


def test_every_reason_has_words() -> None:
    doc = UnitFate.__doc__ or ""
    named = doc.split("reason: why it stays: ")[1].split(";")[0].split(", ")
    assert set(named) == set(shorter.KEPT)
