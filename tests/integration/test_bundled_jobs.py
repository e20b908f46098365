"""The jobs under ``examples/`` with the real nano: each ends as its file says. Bounds are loose: weights may change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.public_data import public_data

from .conftest import ROOT, Stack, clean_environment

EXAMPLES = ROOT / "examples"
NEEDED = [
    "Extract the city.",
    "Put the answer in square brackets.",
    "Start the reply with 'Answer:'.",
    "Use capital letters.",
]
FILLER = [
    "You are a helpful assistant.",
    "Take your time.",
    "Our company values quality.",
    "This is very important.",
    "Thank you for your help.",
]


def run(stack: Stack, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own, on the running stack."""
    return subprocess.run(
        [sys.executable, "-c", "from pmpo.cli.main import run; run()", *arguments],
        capture_output=True,
        text=True,
        env=clean_environment(PMPO_URL=stack.api, COLUMNS="80", **settings),
    )


def optimized(stack: Stack, name: str, **settings: str) -> dict[str, Any]:
    done = run(stack, "optimize", str(EXAMPLES / f"{name}.yaml"), "--json", **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def assert_won(found: dict[str, Any]) -> None:
    assert found["verdict"] == "confirmed"
    assert found["test_loss_after"] < found["test_loss_before"]
    assert found["test_preferred_after"] >= max(0.9, found["test_preferred_before"] + 0.1)


@pytest.mark.slow
def test_the_preferred_answers_become_the_likelier_ones(stack: Stack) -> None:
    found = optimized(stack, "polite-reply")
    assert_won(found)
    assert (found["loss_unit"], found["test_accuracy_after"]) == ("nats per pair", None)


@pytest.mark.slow
def test_the_right_options_become_the_likeliest_ones(stack: Stack) -> None:
    found = optimized(stack, "ticket-product")
    assert_won(found)
    assert found["loss_unit"] == "nats per question"
    assert found["test_accuracy_after"] >= found["test_accuracy_before"] + 0.3


@pytest.mark.slow
def test_a_prompt_that_names_the_task_learns_the_form(stack: Stack) -> None:
    found = optimized(stack, "ticket-intent")
    assert found["verdict"] == "confirmed"
    assert found["test_accuracy_after"] >= found["test_accuracy_before"] + 0.5


@pytest.mark.slow
def test_a_job_on_a_public_file_is_confirmed(stack: Stack) -> None:
    data = public_data("bbh/bbh/boolean_expressions.json")
    found = optimized(stack, "bbh-boolean_expressions", PMPO_DATA_DIR=str(data))
    assert found["verdict"] == "confirmed"
    assert found["test_accuracy_after"] > found["test_accuracy_before"]


def test_a_job_on_a_public_file_that_is_not_there_is_one_sentence(stack: Stack, tmp_path: Path) -> None:
    done = run(stack, "optimize", str(EXAMPLES / "bbh-navigate.yaml"), PMPO_DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pmpo: bbh:navigate: there is no bbh/bbh/navigate.json")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_reasoning_in_the_targets_makes_the_prompt_ask_for_it(stack: Stack, tmp_path: Path) -> None:
    """The two commands of bbh-web_of_lies-steps.yaml."""
    data = public_data("bbh/bbh/web_of_lies.json")
    source, rows = EXAMPLES / "bbh-web_of_lies.yaml", tmp_path / "bbh-web_of_lies-steps.jsonl"
    made = run(stack, "datasets", "rationalize", str(source), "--out", str(rows), "--json", PMPO_DATA_DIR=str(data))
    assert made.returncode == 0, made.stderr
    assert len(rows.read_text(encoding="utf-8").splitlines()) >= 50
    found = optimized(stack, "bbh-web_of_lies-steps", PMPO_DATA_DIR=str(tmp_path))
    assert found["verdict"] == "confirmed"
    assert found["test_accuracy_after"] > found["test_accuracy_before"]


def test_compression_takes_the_filler_out_and_nothing_else(stack: Stack) -> None:
    done = run(stack, "compress", str(EXAMPLES / "compress-review-city.yaml"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert [text for text in NEEDED if text not in found["prompt_after"]] == []
    assert [text for text in FILLER if text not in found["prompt_before"]] == []
    assert [text for text in FILLER if text in found["prompt_after"]] == []
    assert found["validation_loss_after"] <= found["validation_loss_before"]
    assert (found["verdict"], found["stop_reason"]) == ("confirmed", "all_tried")
    saved = found["prompt_tokens_before"] - found["prompt_tokens_after"]
    assert saved > 0.4 * found["prompt_tokens_before"]
    printed = " ".join(run(stack, "result", found["job_id"]).stdout.split())
    assert f"{saved} of {found['prompt_tokens_before']} (" in printed
    assert "fewer tokens, and not worse" in printed
    assert f"Units: {len(FILLER)} of {len(FILLER) + len(NEEDED)} deleted" in printed
