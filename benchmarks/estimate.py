"""What ``pmpo estimate`` says of the bundled jobs, beside what runs through all their rounds then use.

``make bench-estimate``; see docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.cells import Cells
from benchmarks.engine import Engine, open_engine
from benchmarks.estimating.comparison import (
    TOLERANCE,
    BundledJob,
    bundled_jobs,
    compare,
    estimated,
    run_to_the_end,
    summary,
)
from benchmarks.machine import surroundings
from benchmarks.options import RESULTS, write_result
from pmpo.errors import InvalidInputError, PmpoError
from services.bundled import examples_dir


def main(arguments: list[str] | None = None) -> int:
    """Run what has not been run yet and write ``estimate.json``; 1 when a job's mean misses the tolerance."""
    options = _parser().parse_args(arguments)
    try:
        result = asyncio.run(_measure(options))
    except PmpoError as error:
        print(f"benchmarks.estimate: {error.message}", file=sys.stderr)
        return 1
    write_result(options.results / "estimate.json", result)
    _print(result)
    return 0 if all(job["is_within"] for job in result["jobs"].values()) else 1


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.estimate",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    options.add_argument("--jobs", nargs="+", default=None, help="names of bundled jobs; all when not given")
    options.add_argument("--seeds", type=int, default=3, help="runs of each job")
    options.add_argument("--model", default=os.environ.get("PMPO_SCORER_MODEL", "nano"), help="folder, hub name, nano")
    options.add_argument("--results", type=Path, default=RESULTS, help="folder of results and finished cells")
    return options


async def _measure(options: argparse.Namespace) -> dict[str, Any]:
    jobs, left_out = _jobs(options.jobs)
    runs: dict[str, list[dict[str, Any]]] = {}
    async with open_engine(options.model) as engine:
        cells = Cells(options.results / "estimate")
        for job in jobs:
            runs[job.name] = [await _run(engine, cells, job, seed) for seed in range(options.seeds)]
            print(_line(job.name, summary(runs[job.name])), flush=True)
        model = engine.described()
    return {
        "benchmark": "estimate",
        "measured_on": surroundings(),
        "model": model,
        "settings": {"seeds": options.seeds, "tolerance": TOLERANCE},
        "left_out": left_out,
        "jobs": {name: {**summary(found), "runs": found} for name, found in runs.items()},
    }


def _jobs(names: Sequence[str] | None) -> tuple[list[BundledJob], list[str]]:
    """The jobs that can be run, and why others cannot. Raises InvalidInputError: a name that is none of them."""
    folder = os.environ.get("PMPO_DATA_DIR")
    found = list(bundled_jobs(examples_dir(), Path(folder).expanduser() if folder else None))
    jobs = {job.name: job for job in found if isinstance(job, BundledJob)}
    left_out = [sentence for sentence in found if isinstance(sentence, str)]
    unknown = next((name for name in names or () if name not in jobs), None)
    if unknown is not None:
        raise InvalidInputError(f"no bundled job {unknown!r} can be run; there are: {', '.join(jobs)}")
    for sentence in left_out:
        print(sentence, file=sys.stderr)
    return [job for job in jobs.values() if names is None or job.name in names], left_out


async def _run(engine: Engine, cells: Cells, job: BundledJob, seed: int) -> dict[str, Any]:
    """One run, and the estimate of the present code beside it: a changed estimate needs no new runs."""
    key = {"job": job.digest, "seed": seed, "revision": engine.identity.revision, "dtype": engine.identity.dtype}
    used = await cells.have(f"{job.name}/{seed}", key, partial(run_to_the_end, engine, job.with_seed(seed)))
    return compare(await estimated(engine, job.with_seed(seed)), used)


def _print(result: Mapping[str, Any]) -> None:
    jobs = result["jobs"]
    num_runs = sum(len(job["runs"]) for job in jobs.values())
    within = sum(job["runs_within"] for job in jobs.values())
    missed = [name for name, job in jobs.items() if not job["is_within"]]
    print(f"{within} of {num_runs} runs used what was expected within {TOLERANCE:.0%}")
    print(f"jobs whose mean is further off: {', '.join(missed) or 'none'}")


def _line(name: str, found: Mapping[str, Any]) -> str:
    expected, used = found["expected"], found["used"]
    parts = [
        f"{kind.replace('_', ' ')}: {expected[kind]:,.0f} expected, {used[kind]:,.0f} used, {error:+.0%}"
        for kind, error in found["errors"].items()
    ]
    return f"{name}: {'; '.join(parts)}"


if __name__ == "__main__":
    raise SystemExit(main())
