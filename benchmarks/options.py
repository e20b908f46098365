"""The options that both benchmarks share, and how a result is written."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.jobs import BenchJob, Sizes, chosen_jobs, job_table, without_absent
from benchmarks.machine import ROOT
from pmpo.errors import InvalidInputError

RESULTS = ROOT / "benchmarks" / "results"


def parser(name: str, description: str | None, jobs: Sequence[str]) -> argparse.ArgumentParser:
    """A parser with the shared options; ``jobs`` are those that it runs on when none is named."""
    options = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    sizes = Sizes()
    options.add_argument("--jobs", nargs="+", default=list(jobs), help="names of jobs")
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
    """The jobs that were asked for. One whose public data is not under PMPO_DATA_DIR is left out, and that is said.

    Raises:
        InvalidInputError: there is no such job, or none is left.
    """
    folder = os.environ.get("PMPO_DATA_DIR")
    jobs, absent = without_absent(chosen_jobs(job_table(Path(folder) if folder else None), options.jobs))
    for name, sentence in absent.items():
        print(f"{name} is left out: {sentence}", file=sys.stderr)
    if not jobs:
        raise InvalidInputError("no job is left; name one on generated data with --jobs")
    return jobs


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """As JSON that a reader can page through."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
