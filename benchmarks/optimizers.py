"""Whole runs of PMPO, its ablations and its rivals, from the same vague prompt, at the same engine seconds.

``make bench-optimizers``; see docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.cells import Cells
from benchmarks.engine import open_engine
from benchmarks.jobs import BenchJob
from benchmarks.machine import ROOT, surroundings
from benchmarks.optimizing.contestants import PMPO, contestants
from benchmarks.optimizing.crew import open_crew
from benchmarks.optimizing.packaged import PACKAGES, package_versions
from benchmarks.optimizing.rates import Rates
from benchmarks.optimizing.runner import Runner
from benchmarks.optimizing.summary import Results, contestant_summary, lead_summary
from benchmarks.optimizing.timing import measure_rates
from benchmarks.options import jobs_of, parser, sizes_of, write_result
from benchmarks.plots import draw_optimizers
from pmpo.errors import InvalidInputError, PmpoError

JOBS = (
    "review-city",
    "record-fields",
    "table-top",
    "pairs-message-person",
    "options-review-product",
    "bbh-navigate",
)
SIZES = {"train": 24, "validation": 12, "test": 60}
QUICK = {
    "jobs": ["review-city", "pairs-message-person"],
    "seeds": 1,
    "cap": 2.0,
    "train": 8,
    "validation": 6,
    "test": 8,
}
QUICK_RESULTS = ROOT / ".bench" / "quick"


def main(arguments: list[str] | None = None) -> int:
    """Run what has not been run yet, write ``optimizers.json`` and ``optimizers.svg``."""
    chosen = _options(arguments)
    try:
        result = asyncio.run(_measure(chosen))
    except PmpoError as error:
        print(f"benchmarks.optimizers: {error.message}", file=sys.stderr)
        return 1
    write_result(chosen.results / "optimizers.json", result)
    draw_optimizers(result, chosen.results / "optimizers.svg")
    _print(result)
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    options = parser("optimizers", __doc__, JOBS)
    options.set_defaults(**SIZES)
    options.add_argument("--contestants", nargs="+", default=None, help="names; all when not given")
    options.add_argument("--seeds", type=int, default=3, help="runs of each contestant on each job")
    options.add_argument("--cap", type=float, default=8.0, help="priced engine seconds of a run")
    options.add_argument(
        "--engines", type=int, default=os.cpu_count() or 1, help="scorers that run trials side by side"
    )
    options.add_argument("--quick", action="store_true", help=f"a small run of all parts, into {QUICK_RESULTS.name}")
    if options.parse_args(arguments).quick:
        options.set_defaults(**QUICK, results=QUICK_RESULTS)
    return options.parse_args(arguments)


async def _measure(options: argparse.Namespace) -> dict[str, Any]:
    jobs, names = jobs_of(options), _names(options.contestants)
    cells = Cells(options.results / "optimizers")
    rates = await _rates(options, cells, jobs)
    trials: dict[str, dict[str, list[Any]]] = {name: {} for name in names}
    tests: dict[str, Mapping[str, Mapping[str, float]]] = {}
    async with open_crew(options.model, options.engines) as crew:
        runner = Runner(crew, cells, Rates.read(rates), options.seed, options.seeds, options.cap)
        for job in jobs:
            started_at, data = time.monotonic(), job.build(sizes_of(options))
            found = await runner.trials(job.name, data, names)
            for name, rows in found.items():
                trials[name][job.name] = rows
            tests[job.name] = await runner.tests(job.name, data, found)
            took = f"{time.monotonic() - started_at:.0f} s"
            print(f"{job.name}: {len(tests[job.name])} different prompts tested, {took}", flush=True)
        model = crew.engines[0].described()
    return {**_head(options, names, model, rates), **_summaries(options, jobs, trials, tests)}


def _names(chosen: Sequence[str] | None) -> list[str]:
    """Those that take part; PMPO does in any case, because all are compared with it."""
    known = (*contestants(), *PACKAGES)
    unknown = [name for name in chosen or () if name not in known]
    if unknown:
        raise InvalidInputError(f"there is no contestant {unknown[0]!r}; known are: {'; '.join(known)}")
    return list(dict.fromkeys((PMPO, *(chosen or known))))


async def _rates(options: argparse.Namespace, cells: Cells, jobs: Sequence[BenchJob]) -> dict[str, Any]:
    """Timed on one engine that has the machine for itself, once: later runs go on with the same rates."""
    data = [job.build(sizes_of(options)) for job in jobs]
    async with open_engine(options.model) as engine:
        key = {"revision": engine.identity.revision}
        rates: dict[str, Any] = await cells.have("rates", key, lambda: measure_rates(engine, data))
    return rates


def _head(
    options: argparse.Namespace, names: Sequence[str], model: Mapping[str, str], rates: Mapping[str, Any]
) -> dict[str, Any]:
    settings = ("train", "validation", "test", "seeds", "cap", "seed", "engines")
    versions = package_versions() if set(names) & PACKAGES.keys() else {}
    return {
        "benchmark": "optimizers",
        "measured_on": {**surroundings(), "packages": versions},
        "model": model,
        "settings": {name: getattr(options, name) for name in settings},
        "rates": rates,
    }


def _summaries(
    options: argparse.Namespace,
    jobs: Sequence[BenchJob],
    trials: Mapping[str, Mapping[str, Sequence[Any]]],
    tests: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> dict[str, Any]:
    results = {name: Results(rows, tests, options.cap) for name, rows in trials.items() if rows}
    others = {name: other for name, other in results.items() if name != PMPO}
    return {
        "left_out": [name for name in options.jobs if name not in tests],
        "contestants": {name: contestant_summary(one, options.seed) for name, one in results.items()},
        "pmpo_leads_by": {name: lead_summary(results[PMPO], other, options.seed) for name, other in others.items()},
        "jobs": {job.name: {"about": job.about, "tests": tests[job.name]} for job in jobs},
    }


def _print(result: Mapping[str, Any]) -> None:
    print(
        f"{'contestant':34} {'test accuracy at the cap':>26} {'loss':>7} {'engine s':>8} {'PMPO leads by, points':>26}"
    )
    for name, row in result["contestants"].items():
        lead = result["pmpo_leads_by"].get(name)
        print(
            f"{name:34} {_interval(row['accuracy_at_share']['1.0']):>26} "
            f"{row['loss_at_share']['1.0']['mean']:7.3f} {row['seconds']['mean']:8.1f} "
            f"{_interval(lead['accuracy_at_share']['1.0']) if lead else '':>26}"
        )


def _interval(row: Mapping[str, float]) -> str:
    return f"{row['mean']:.1f} ({row['low']:.1f} to {row['high']:.1f})"


if __name__ == "__main__":
    sys.exit(main())
