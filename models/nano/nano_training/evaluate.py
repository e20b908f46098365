"""``python -m nano_training.evaluate``: measures the exported model on fresh held-out inputs and prints the table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from nano_training.conversations import FAMILIES
from nano_training.evaluation import (
    PHRASING_SETS,
    PROMPT_KINDS,
    Cell,
    RewriteResult,
    evaluate_family,
    evaluate_rewriting,
)
from nano_training.paths import MODEL_DIR
from nano_training.scoring import Scorer


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All cells and the rewriting result of one run with one seed."""

    seed: int
    cells: tuple[Cell, ...]
    rewriting: RewriteResult

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Evaluation:
        """Read what ``asdict`` gave."""
        cells = tuple(Cell(**cell) for cell in data["cells"])
        return cls(data["seed"], cells, RewriteResult(**data["rewriting"]))


def main(arguments: list[str] | None = None) -> None:
    """Evaluate, print, and write the JSON file when asked."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    evaluation = evaluate(Scorer.from_folder(options.model), options)
    print(table(evaluation))
    if options.json:
        options.json.write_text(json.dumps(asdict(evaluation), indent=1) + "\n", encoding="utf-8")


def evaluate(scorer: Scorer, options: argparse.Namespace) -> Evaluation:
    """Every family with seen and with held-out phrasings, then the rewriting skill."""
    cells = [
        cell
        for phrasing in PHRASING_SETS
        for family in FAMILIES
        for cell in evaluate_family(
            scorer, family, phrasing, num_prompts=options.prompts, num_inputs=options.inputs, seed=options.seed
        )
    ]
    rewriting = evaluate_rewriting(
        scorer, num_cases=options.rewrite_cases, num_samples=4, num_inputs=options.inputs, seed=options.seed
    )
    return Evaluation(options.seed, tuple(cells), rewriting)


def table(evaluation: Evaluation) -> str:
    """Markdown tables: loss / exact match per family and kind of prompt, and a list of the rewriting numbers."""
    parts = [_phrasing_table(evaluation.cells, phrasing) for phrasing in PHRASING_SETS]
    return "\n\n".join([*parts, _rewriting_lines(evaluation.rewriting)])


def _phrasing_table(cells: Iterable[Cell], phrasing: str) -> str:
    chosen = [cell for cell in cells if cell.phrasing == phrasing]
    families = list(dict.fromkeys(cell.family for cell in chosen))
    heads = " | ".join(kind.replace("_", " ") for kind in PROMPT_KINDS)
    lines = [f"| {phrasing} phrasings | {heads} |", "|---" * (len(PROMPT_KINDS) + 1) + "|"]
    for family in families:
        lines.append(_row(family, [cell for cell in chosen if cell.family == family]))
    lines.append(_row("**mean**", chosen))
    return "\n".join(lines)


def _row(name: str, cells: list[Cell]) -> str:
    shown = []
    for kind in PROMPT_KINDS:
        rows = [cell for cell in cells if cell.prompt_kind == kind]
        shown.append(f"{fmean(cell.nats for cell in rows):.2f} / {fmean(cell.exact for cell in rows):.2f}")
    return f"| {name} | {' | '.join(shown)} |"


def _rewriting_lines(result: RewriteResult) -> str:
    return "\n".join(
        [
            f"Rewrites of {result.num_cases} vague prompts ({result.num_samples} samples, temperature 1, top-p 0.95):",
            "",
            f"- parseable: {result.parseable:.2f}; distinct texts: {result.distinct:.2f}",
            f"- lower loss than the vague prompt: {result.better:.2f}",
            f"- nats per token: {result.vague_nats:.2f} before, {result.mean_nats:.2f} mean rewrite, "
            f"{result.best_nats:.2f} best of 4",
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nano_training.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_DIR)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prompts", type=int, default=10, help="prompts for each family and phrasing set")
    parser.add_argument("--inputs", type=int, default=10, help="inputs for each prompt")
    parser.add_argument("--rewrite-cases", type=int, default=60, help="vague prompts to rewrite")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--json", type=Path, help="also write the numbers here (the card reads checkpoints/evaluation.json)"
    )
    return parser


if __name__ == "__main__":
    main()
