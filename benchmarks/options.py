"""The options that both benchmarks share, and how a result is written."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.jobs import BenchJob, Sizes, chosen_jobs, job_table
from benchmarks.machine import ROOT

RESULTS = ROOT / "benchmarks" / "results"


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with the shared options."""
    options = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    sizes = Sizes()
    options.add_argument("--jobs", nargs="+", default=None, help="names of jobs; all that there are when not given")
    options.add_argument("--train", type=int, default=sizes.train, help="training examples")
    options.add_argument("--validation", type=int, default=sizes.validation, help="validation examples")
    options.add_argument("--test", type=int, default=sizes.test, help="test examples")
    options.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    options.add_argument(
        "--model", default=os.environ.get("PMPO_SCORER_MODEL", "nano"), help="model folder, hub name, or nano"
    )
    options.add_argument("--results", type=Path, default=RESULTS, help="folder of results and finished cells")
    return options


def sizes_of(options: argparse.Namespace) -> Sizes:
    """The rows that were asked for."""
    return Sizes(options.train, options.validation, options.test)


def jobs_of(options: argparse.Namespace) -> list[BenchJob]:
    """The jobs that were asked for; public data is looked for under PMPO_DATA_DIR. Raises InvalidInputError."""
    folder = os.environ.get("PMPO_DATA_DIR")
    return chosen_jobs(job_table(Path(folder) if folder else None), options.jobs)


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """As JSON that a reader can page through."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
