"""What selecting among the same rewrites costs, and how good the picks are, under one policy after the other.

``make bench-selection``; see docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.cells import Cells
from benchmarks.engine import Engine, open_engine
from benchmarks.jobs import BenchJob
from benchmarks.machine import surroundings
from benchmarks.options import jobs_of, parser, sizes_of, write_result
from benchmarks.plots import draw_selection
from benchmarks.selecting.checks import Pool, run_checks, sentences
from benchmarks.selecting.known import Known, measure_known
from benchmarks.selecting.policies import POLICIES
from benchmarks.selecting.pool import record_pool
from benchmarks.selecting.prices import Prices, measure_prices
from benchmarks.selecting.replay import replay
from benchmarks.selecting.summary import JobReplays, job_summary, overall_summary, rank_correlation
from benchmarks.selecting.truth import measure_truth
from pmpo.errors import PmpoError

JOBS = (
    "review-city",
    "record-fields",
    "message-intent",
    "table-top",
    "pairs-message-person",
    "options-review-product",
    "bbh-navigate",
    "bbh-boolean_expressions",
)


def main(arguments: list[str] | None = None) -> int:
    """Measure what is not measured yet, replay, check, write ``selection.json`` and ``selection.svg``.

    The status is 1 when a check fails or nothing could be measured.
    """
    options = parser("selection", __doc__, JOBS)
    options.add_argument("--pool", type=int, default=24, help="candidates of a job, the seed prompt among them")
    options.add_argument("--rounds", type=int, default=10, help="rounds of the run that writes them")
    options.add_argument("--shuffles", type=int, default=200, help="replays of each policy, and rounds of a check")
    options.add_argument("--null-jobs", type=int, default=1_000, help="simulated jobs of each pool and null world")
    chosen = options.parse_args(arguments)
    try:
        measured = asyncio.run(_measure(chosen))
    except PmpoError as error:
        print(f"benchmarks.selection: {error.message}", file=sys.stderr)
        return 1
    result = _result(chosen, measured)
    write_result(chosen.results / "selection.json", result)
    draw_selection(result, chosen.results / "selection.svg")
    _print(result)
    return 0 if all(check["passed"] for check in result["checks"].values()) else 1


async def _measure(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """By job: its pool, what is known of it, prices and truth; finished cells are read, not measured again."""
    cells, jobs = Cells(options.results / "selection"), jobs_of(options)
    async with open_engine(options.model) as engine:
        return {
            job.name: {**await _measure_job(engine, job, cells, options), "model": engine.described()} for job in jobs
        }


async def _measure_job(engine: Engine, job: BenchJob, cells: Cells, options: argparse.Namespace) -> dict[str, Any]:
    started_at = time.monotonic()
    data = job.build(sizes_of(options))
    key = {
        "revision": engine.identity.revision,
        "data": data.digest(),
        "seed": options.seed,
        "pool": options.pool,
        "rounds": options.rounds,
    }
    size = {"num_prompts": options.pool, "num_rounds": options.rounds, "seed": options.seed}
    prompts = await cells.have(f"{job.name}/pool", key, lambda: record_pool(engine, data, **size))
    known = await cells.have(f"{job.name}/known", key, lambda: measure_known(engine, data, prompts))
    prices = await cells.have(
        f"{job.name}/prices", key, lambda: measure_prices(engine, data, prompts, Known.read(known), options.seed)
    )
    truth_key = {**key, "data": data.digest(with_test=True)}
    truth = await cells.have(f"{job.name}/truth", truth_key, lambda: measure_truth(engine, data, prompts))
    took = f"{time.monotonic() - started_at:.0f} s"
    print(f"{job.name}: {len(prompts)} candidates, best accuracy {max(truth['accuracy']):.3f}, {took}", flush=True)
    return {"about": job.about, "prompts": prompts, "known": known, "prices": prices, "truth": truth}


def _result(options: argparse.Namespace, measured: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    jobs = {name: _replays(job, options) for name, job in measured.items()}
    names = ("train", "validation", "test", "pool", "rounds", "shuffles", "null_jobs", "seed")
    return {
        "benchmark": "selection",
        "measured_on": surroundings(),
        "model": next(iter(measured.values()))["model"],
        "settings": {name: getattr(options, name) for name in names},
        "left_out": [name for name in options.jobs if name not in measured],
        "checks": _checks(options, measured),
        "policies": overall_summary(list(jobs.values()), options.seed),
        "jobs_that_tell_nothing": [name for name, job in jobs.items() if not job.is_telling],
        "jobs": {name: _job_result(measured[name], jobs[name], options.seed) for name in measured},
    }


def _checks(options: argparse.Namespace, measured: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    pools = [
        Pool(Known.read(job["known"]), Prices.read(job["prices"]), np.array(job["truth"]["losses"]))
        for job in measured.values()
    ]
    return run_checks(
        pools,
        num_train=options.train,
        num_validation=options.validation,
        num_rounds=options.shuffles,
        num_null_jobs=options.null_jobs,
        seed=options.seed,
    )


def _replays(job: Mapping[str, Any], options: argparse.Namespace) -> JobReplays:
    known, prices = Known.read(job["known"]), Prices.read(job["prices"])
    replays = {name: replay(policy, known, prices, options.shuffles, options.seed) for name, policy in POLICIES.items()}
    return JobReplays(known, np.array(job["truth"]["accuracy"]), replays)


def _job_result(job: Mapping[str, Any], replays: JobReplays, seed: int) -> dict[str, Any]:
    truth = job["truth"]
    return {
        "about": job["about"],
        "num_test": truth["num_test"],
        "seed_accuracy": truth["accuracy"][0],
        "best_accuracy": max(truth["accuracy"]),
        "rank_correlation_of_test_loss_and_error": round(
            rank_correlation(truth["loss"], [1 - value for value in truth["accuracy"]]), 3
        ),
        "rank_correlation_of_train_loss_and_test_error": round(
            rank_correlation(replays.known.losses.mean(axis=1).tolist(), [1 - value for value in truth["accuracy"]]),
            3,
        ),
        "prices": job["prices"],
        "policies": job_summary(replays, seed),
        "pool": [
            {"prompt": prompt, "test_accuracy": accuracy, "test_loss": loss}
            for prompt, accuracy, loss in zip(job["prompts"], truth["accuracy"], truth["loss"], strict=True)
        ],
    }


def _print(result: Mapping[str, Any]) -> None:
    print(f"{'policy':28} {'regret':>22} {'cost':>6} {'to a point':>10} {'same as all':>11} {'saved':>6}")
    for name, row in result["policies"].items():
        regret, close = row["regret_points"], row["median_cost_to_a_point"]
        to_a_point = "never" if close is None else f"{close:.2f}"
        shares = f"{row['same_as_all']['mean']:11.2f} {row['cells_saved']['mean']:6.2f}"
        interval = f"{regret['mean']:6.2f} ({regret['low']:5.2f} to {regret['high']:5.2f})"
        print(f"{name:28} {interval} {row['cost']['mean']:6.2f} {to_a_point:>10} {shares}")
    print("\n".join(sentences(result["checks"])))


if __name__ == "__main__":
    sys.exit(main())
