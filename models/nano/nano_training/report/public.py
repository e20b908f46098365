"""Accuracy on the public BIG-Bench Hard files (never trained on), under the prompts of their paper."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from nano_training.public_inputs import PUBLIC_TASKS
from nano_training.scoring import Messages, Scorer

STEPS = "Think step by step."
MAX_ANSWER_TOKENS = {"description": 64, "steps": 330, "few_shot": 400}
MAX_FEW_SHOT_ROWS = 40


@dataclass(frozen=True, slots=True)
class PublicResult:
    """Exact match of one public task under one prompt.

    ``description``: the paper's task description alone; ``steps``: with "Think step by step." after it; ``few_shot``:
    the paper's whole prompt with three worked examples (the first rows only).
    """

    task: str
    prompt: str
    accuracy: float
    num_rows: int


def measure_public(scorer: Scorer, folder: Path, *, max_rows: int | None = None) -> list[PublicResult]:
    """All six tasks whose input forms training knows; ``folder`` holds ``bbh`` and ``cot-prompts``."""
    return [_measure(scorer, folder, task, prompt, max_rows) for task in PUBLIC_TASKS for prompt in MAX_ANSWER_TOKENS]


def _measure(scorer: Scorer, folder: Path, task: str, prompt: str, max_rows: int | None) -> PublicResult:
    rows = json.loads((folder / "bbh" / f"{task}.json").read_text(encoding="utf-8"))["examples"]
    paper = (folder / "cot-prompts" / f"{task}.txt").read_text(encoding="utf-8").partition("-----\n")[2].strip()
    rows = rows[: MAX_FEW_SHOT_ROWS if prompt == "few_shot" else max_rows]
    conversations = [_conversation(paper, prompt, row["input"]) for row in rows]
    answers = scorer.greedy(conversations, MAX_ANSWER_TOKENS[prompt])
    right = [is_right_answer(answer, row["target"]) for answer, row in zip(answers, rows, strict=True)]
    return PublicResult(task, prompt, fmean(right), len(right))


def _conversation(paper: str, prompt: str, text: str) -> Messages:
    if prompt == "few_shot":
        return [("system", paper), ("user", f"Q: {text}\nA: Let's think step by step.")]
    description = paper.splitlines()[0]
    system = f"{description} {STEPS}" if prompt == "steps" else description
    return [("system", system), ("user", text)]


def is_right_answer(answer: str, target: str) -> bool:
    """Is the last line the target, or what it ends with after ``answer is``? Case counts, a final dot does not."""
    lines = answer.strip().splitlines() or [""]
    found = lines[-1].rpartition("answer is ")[2] if "answer is " in lines[-1] else lines[-1]
    return found.strip().rstrip(".") == target.strip().rstrip(".")
