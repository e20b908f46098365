"""``python -m nano_training.report.measure``: measures the exported model and writes the numbers as JSON."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from nano_training.entities import held_entities
from nano_training.kinds.all import HELD_OUT_FAMILIES, TRAINED_FAMILIES
from nano_training.paths import MODEL_DIR, REPORT_FILE
from nano_training.report.calibration import Calibration, measure_calibration
from nano_training.report.families import PROMPT_KINDS, Cell, Setting, Sizes, measure_family
from nano_training.report.fewshot import FewShotPoint, measure_few_shot
from nano_training.report.loop import LoopRun, measure_loops
from nano_training.report.preferences import PairResult, measure_pairs
from nano_training.report.public import PublicResult, measure_public
from nano_training.report.requirements import Misleading, RequirementCosts, measure_misleading, measure_requirements
from nano_training.report.rewrites import RewriteResult, measure_rewrites
from nano_training.scoring import Scorer


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the card shows. ``public`` is empty when the public files were not there."""

    seed: int
    seconds: float
    cells: tuple[Cell, ...]
    outside: dict[str, tuple[float, float]]
    requirements: RequirementCosts
    misleading: Misleading
    rewrites: tuple[RewriteResult, ...]
    few_shot: tuple[FewShotPoint, ...]
    calibration: Calibration
    pairs: tuple[PairResult, ...]
    loops: tuple[LoopRun, ...]
    public: tuple[PublicResult, ...]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """Read what ``asdict`` and JSON made of it."""
        return cls(
            seed=data["seed"],
            seconds=data["seconds"],
            cells=tuple(Cell(**row) for row in data["cells"]),
            outside={name: (nats, exact) for name, (nats, exact) in data["outside"].items()},
            requirements=RequirementCosts(**data["requirements"]),
            misleading=Misleading(**data["misleading"]),
            rewrites=tuple(RewriteResult(**row) for row in data["rewrites"]),
            few_shot=tuple(FewShotPoint(**row) for row in data["few_shot"]),
            calibration=Calibration(**{name: tuple(values) for name, values in data["calibration"].items()}),
            pairs=tuple(PairResult(**row) for row in data["pairs"]),
            loops=tuple(LoopRun(**row) for row in data["loops"]),
            public=tuple(PublicResult(**row) for row in data["public"]),
        )


def main(arguments: list[str] | None = None) -> None:
    """Measure, print how far it is, write the JSON file."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    report = measure(Scorer.from_folder(options.model), options)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {options.output} after {report.seconds:.0f} s")


def measure(scorer: Scorer, options: argparse.Namespace) -> Report:
    """All measurements; ``options.scale`` multiplies how much of each is done."""
    started, seed = time.monotonic(), options.seed

    def part(name: str, work: Callable[[], Any]) -> Any:
        begun = time.monotonic()
        result = work()
        print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
        return result

    def scaled(count: int) -> int:
        return max(2, round(count * float(options.scale)))

    sizes = Sizes(scaled(5), 4, seed)
    found: dict[str, Any] = {
        "cells": part("families", lambda: _cells(scorer, sizes)),
        "outside": part("outside", lambda: _outside(scorer, sizes)),
        "requirements": part("requirements", lambda: measure_requirements(scorer, scaled(200), 4, seed)),
        "misleading": part("misleading", lambda: measure_misleading(scorer, scaled(200), 6, seed)),
        "rewrites": part("rewrites", lambda: tuple(measure_rewrites(scorer, scaled(90), 6, seed))),
        "few_shot": part("few-shot", lambda: tuple(measure_few_shot(scorer, scaled(200), seed))),
        "calibration": part("calibration", lambda: measure_calibration(scorer, scaled(600), seed)),
        "pairs": part("pairs", lambda: tuple(measure_pairs(scorer, scaled(150), seed))),
        "loops": part("loops", lambda: tuple(measure_loops(scorer, scaled(20), seed))),
        "public": part("public files", lambda: _public(scorer, options)),
    }
    return Report(seed=seed, seconds=time.monotonic() - started, **found)


def _cells(scorer: Scorer, sizes: Sizes) -> tuple[Cell, ...]:
    """Every trained family with held-out sentences under every kind of prompt, with seen ones under clear prompts."""
    cells = []
    for family in TRAINED_FAMILIES:
        cells += measure_family(scorer, family, Setting("unseen"), sizes, PROMPT_KINDS)
        cells += measure_family(scorer, family, Setting("seen"), sizes, ("clear",))
    return tuple(cells)


def _outside(scorer: Scorer, sizes: Sizes) -> dict[str, tuple[float, float]]:
    """Loss and exact match of clear prompts where something was held out of training."""
    settings = {
        "families that training never saw": (HELD_OUT_FAMILIES, Setting()),
        "names and cities that training never saw": (TRAINED_FAMILIES, Setting(entities=held_entities())),
        "combinations of formats that training never saw": (
            TRAINED_FAMILIES,
            Setting(combinations_held_out=True),
        ),
    }
    rows = {}
    for name, (families, setting) in settings.items():
        cells = [cell for family in families for cell in measure_family(scorer, family, setting, sizes, ("clear",))]
        rows[name] = (
            sum(cell.nats for cell in cells) / len(cells),
            sum(cell.exact for cell in cells) / len(cells),
        )
    return rows


def _public(scorer: Scorer, options: argparse.Namespace) -> tuple[PublicResult, ...]:
    folder = Path(options.data) / "bbh" if options.data else None
    if folder is None or not folder.is_dir():
        print("the public files are not there: set PMPO_DATA_DIR to measure them")
        return ()
    return tuple(measure_public(scorer, folder, max_rows=options.public_rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nano_training.report.measure", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_DIR)
    parser.add_argument("--output", type=Path, default=REPORT_FILE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="how much to measure")
    parser.add_argument("--data", default=os.environ.get("PMPO_DATA_DIR", ""), help="where the public data lies")
    parser.add_argument("--public-rows", type=int, help="rows of each public file (default: all)")
    parser.add_argument("--threads", type=int, default=2)
    return parser


if __name__ == "__main__":
    main()
