"""How fast the engine scores, next to what else there is, on equal token ids, and that its numbers are right.

``make bench``; see docs/benchmarks.md. Runs on a bare machine too (numpy, torch, transformers; no plot without
matplotlib), and goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.cells import Cells
from benchmarks.machine import ROOT, surroundings
from benchmarks.scoring_speed.cases import CONTENDERS, Case, Machine, planned_cases, sweep_cases, taking_part
from benchmarks.scoring_speed.contenders.serving import Loading, write_items
from benchmarks.scoring_speed.hardware import find_machine
from benchmarks.scoring_speed.lineup import Lineup, in_float32, open_lineup
from benchmarks.scoring_speed.measuring import Assignment, Rounds, reference, source_digest, weights_digest
from benchmarks.scoring_speed.processes import ENVIRONMENTS, ContenderError, run_module
from benchmarks.scoring_speed.shapes import SHAPES
from benchmarks.scoring_speed.summary import case_summary, linearity, table

WORK = ENVIRONMENTS / "scoring"


def main(arguments: list[str] | None = None) -> int:
    """Measure what is not measured yet; write ``scoring.json``, ``scoring.md`` and ``scoring.svg``."""
    options = _parser().parse_args(arguments)
    machine = find_machine(options.device, is_thorough=options.thorough)
    bench = Bench(options, machine)
    try:
        result = bench.run()
    except ContenderError as error:
        print(f"benchmarks.scoring: {error}", file=sys.stderr)
        return 1
    _write(options.results, result)
    print(table(result["cases"]))
    return 0


class Bench:
    """One run: its options, the machine, and the cells that it fills."""

    def __init__(self, options: argparse.Namespace, machine: Machine) -> None:
        self._options = options
        self._machine = machine
        self._cells = Cells(options.results / "scoring")
        self._only = frozenset(options.contenders) if options.contenders else None

    def run(self) -> dict[str, Any]:
        """All cases, the sweep, and the result as plain values."""
        cases = self._wanted(planned_cases(self._machine))
        sweep = self._wanted(sweep_cases(self._machine)) if self._options.sweep else []
        found = self._measure_all(cases)
        swept = self._measure_all(sweep)
        sizes = {f"{case.num_candidates}x{case.num_examples}": swept[case.name] for case in sweep}
        return {
            "benchmark": "scoring",
            "measured_on": surroundings(),
            "machine": {"device": self._machine.device, "name": self._machine.name, "threads": self._options.threads},
            "peaks_flops_per_s": {dtype: self._peak(dtype) for dtype in sorted({case.dtype for case in cases + sweep})},
            "settings": {
                name: getattr(self._options, name) for name in ("rounds", "seed", "batch_tokens", "thorough", "quick")
            },
            "cases": found,
            "sweep": linearity(sizes),
        }

    def _wanted(self, cases: Sequence[Case]) -> list[Case]:
        models, shapes = self._options.models, self._options.shapes
        chosen = [case for case in cases if case.model in (models or [case.model]) and case.shape.name in shapes]
        if not self._options.quick:
            return chosen
        small = [replace(case, num_candidates=min(2, case.num_candidates), num_examples=4) for case in chosen]
        return list({case.name: case for case in small}.values())

    def _measure_all(self, cases: Sequence[Case]) -> dict[str, Any]:
        """By name; the processes of a model and dtype live while its cases are measured."""
        found: dict[str, Any] = {}
        for (model, dtype), group in groupby(cases, key=lambda case: (case.model, case.dtype)):
            found |= self._measure_model(model, dtype, list(group))
        return found

    def _measure_model(self, model: str, dtype: str, cases: Sequence[Case]) -> dict[str, Any]:
        loading = self._loading(model, dtype)
        vocabulary = json.loads((Path(loading.model) / "config.json").read_text(encoding="utf-8"))["vocab_size"]
        assignments = [
            Assignment.save(case, case.items(vocabulary, self._options.seed), WORK / "items") for case in cases
        ]
        warm_up = WORK / "items" / f"{model}-warm-up.json"
        write_items(warm_up, SHAPES["B"].items(2, 2, vocabulary, self._options.seed + 1))
        logs = WORK / "logs" / f"{model}-{dtype}"
        key = {
            "model": model,
            "weights": weights_digest(Path(loading.model)),
            "device": self._machine.name,
            "threads": self._options.threads,
        }
        with open_lineup(in_float32(loading), warm_up, logs / "reference") as lineup:
            right = [reference(assignment, lineup, self._cells, key) for assignment in assignments]
        with open_lineup(loading, warm_up, logs) as lineup:
            return {
                one.case.name: self._measure(one, rows, lineup, {**key, "dtype": dtype, "sources": source_digest()})
                for one, rows in zip(assignments, right, strict=True)
            }

    def _measure(
        self, assignment: Assignment, right: list[list[float]], lineup: Lineup, key: dict[str, Any]
    ) -> dict[str, Any]:
        contenders, absent = taking_part(assignment.case, self._machine, self._only)
        key = {**key, "batch_tokens": lineup.batch_tokens}
        rounds = Rounds(lineup, self._cells, key).measure(assignment, contenders, right, self._options.rounds)
        peak = self._peak(assignment.case.dtype)
        return {**case_summary(assignment.items, rounds, peak, lineup.batch_tokens), "absent": absent}

    def _loading(self, model: str, dtype: str) -> Loading:
        options = self._options
        return Loading(str(_model_folder(model)), dtype, self._machine.device, options.threads, options.batch_tokens)

    def _peak(self, dtype: str) -> float:
        """Measured once, kept like everything else."""
        key = {"device": self._machine.name, "threads": self._options.threads}
        found = self._cells.load(f"peak-{dtype}", key)
        if found is None:
            asked = ["--dtype", dtype, "--device", self._machine.device, "--threads", str(self._options.threads)]
            found = self._cells.save(
                f"peak-{dtype}", key, json.loads(run_module("matmul", asked, self._options.threads))
            )
        return float(found["flops_per_s"])


def _model_folder(model: str) -> Path:
    """Nano as it is bundled; another is written with random weights the first time. Raises ContenderError."""
    if model == "nano":
        return ROOT / "models" / "nano"
    folder = WORK / "models" / model
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        run_module("random_model", [model, str(folder)], os.cpu_count() or 1)
    return folder


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.scoring",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    options.add_argument(
        "--models", nargs="+", default=None, help="some of the models that are planned for this machine"
    )
    options.add_argument(
        "--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES), help="see docs/benchmarks.md"
    )
    options.add_argument(
        "--contenders", nargs="+", default=None, choices=[one.name for one in CONTENDERS], help="who takes part"
    )
    options.add_argument("--rounds", type=int, default=3, help="passes of every contender on every case")
    options.add_argument("--seed", type=int, default=0, help="of the token ids")
    options.add_argument("--batch-tokens", type=int, default=8192, help="tokens of one forward pass")
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of every contender")
    options.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="where models run")
    options.add_argument("--thorough", action="store_true", help="slow contenders and ablations on every case")
    options.add_argument("--quick", action="store_true", help="2 x 4 of everything: to see that it runs, not how fast")
    options.add_argument("--no-sweep", dest="sweep", action="store_false", help="leave out C and N growing 8-fold")
    options.add_argument(
        "--results", type=Path, default=ROOT / "benchmarks" / "results", help="folder of results and finished cells"
    )
    return options


def _write(folder: Path, result: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, ensure_ascii=False, indent=1) + "\n"
    (folder / "scoring.json").write_text(text, encoding="utf-8")
    (folder / "scoring.md").write_text(table(result["cases"]), encoding="utf-8")
    try:
        from benchmarks.plots import draw_scoring
    except ImportError:
        print("no plot: matplotlib is not installed here")
    else:
        draw_scoring(result, folder / "scoring.svg")


if __name__ == "__main__":
    sys.exit(main())
