"""``pmpo eval`` against the running services and in one process: the real nano, the same numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Stack, clean_environment

VAGUE = "Process the input."
WHOLE = "Extract the city. Put the answer in square brackets. Start the reply with 'Answer:'. Use capital letters."


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two prompts and thirty reviews."""
    (tmp_path / "vague.txt").write_text(VAGUE + "\n", encoding="utf-8")
    (tmp_path / "whole.txt").write_text(WHOLE + "\n", encoding="utf-8")
    rows = (ROOT / "examples" / "data" / "review-city.jsonl").read_text(encoding="utf-8").splitlines()[:30]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def evaluated(files: Path, *options: str, **settings: str) -> dict[str, Any]:
    prompts = [str(files / "vague.txt"), str(files / "whole.txt"), "--data", str(files / "rows.jsonl")]
    done = subprocess.run(
        [sys.executable, "-c", "from pmpo.cli.main import run; run()", "eval", *prompts, "--json", *options],
        capture_output=True,
        text=True,
        env=clean_environment(COLUMNS="80", **settings),
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_a_prompt_that_says_everything_beats_a_vague_one_and_the_process_alone_finds_the_same(
    stack: Stack, files: Path
) -> None:
    found = evaluated(files, PMPO_URL=stack.api)
    vague, whole = found["prompts"]
    assert (vague["prompt"], whole["prompt"]) == (VAGUE, WHOLE)
    assert whole["loss"] < vague["loss"] and whole["comparison"]["p_value"] < 0.01
    assert whole["accuracy"] >= 0.9
    assert vague["accuracy"] < 0.2
    assert whole["accuracy"] == pytest.approx(sum(whole["grades"]) / 30)
    assert (found["num_rows"], found["measured_set"], found["model"]["model"]) == (30, "train", "nano")
    local = evaluated(files, "--local")
    for here, there in zip(local["prompts"], found["prompts"], strict=True):
        assert here["losses"] == pytest.approx(there["losses"], abs=1e-4)
        assert here["grades"] == there["grades"]
    for name in ("scored_tokens", "generated_tokens"):
        assert local[name] == found[name]
