"""Whole runs of PMPO, its ablations and its rivals, from the same vague prompt, at the same engine seconds.

``make bench-optimizers``; see docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.cells import Cells
from benchmarks.engine import Engine, open_engine
from benchmarks.jobs import JobData
from benchmarks.machine import surroundings
from benchmarks.optimizing.contestants import Contestant, contestants
from benchmarks.optimizing.summary import contestant_summary
from benchmarks.optimizing.trial import run_trial
from benchmarks.options import jobs_of, parser, sizes_of, write_result
from benchmarks.plots import draw_optimizers
from benchmarks.selecting.truth import measure_truth
from pmpo.errors import InvalidInputError, PmpoError

JOBS = (
    "review-city",
    "record-city",
    "record-fields",
    "words-without_first",
    "message-intent",
    "table-top",
    "numbers-max",
    "choice-right",
    "bbh-navigate",
    "bbh-object_counting",
)


def main(arguments: list[str] | None = None) -> int:
    """Run what has not been run yet, write ``optimizers.json`` and ``optimizers.svg``."""
    options = parser("optimizers", __doc__, JOBS)
    options.add_argument("--contestants", nargs="+", default=None, help="names; all when not given")
    options.add_argument("--seeds", type=int, default=3, help="runs of each contestant on each job")
    options.add_argument("--cap", type=float, default=20.0, help="engine seconds of a run")
    chosen = options.parse_args(arguments)
    try:
        result = asyncio.run(_measure(chosen))
    except PmpoError as error:
        print(f"benchmarks.optimizers: {error.message}", file=sys.stderr)
        return 1
    write_result(chosen.results / "optimizers.json", result)
    draw_optimizers(result, chosen.results / "optimizers.svg")
    _print(result)
    return 0


async def _measure(options: argparse.Namespace) -> dict[str, Any]:
    jobs, taking_part = jobs_of(options), _contestants(options.contestants)
    trials: dict[str, list[list[Any]]] = {name: [] for name in taking_part}
    tests: list[Mapping[str, Mapping[str, float]]] = []
    async with open_engine(options.model) as engine:
        runner = _Runner(engine, Cells(options.results / "optimizers"), options)
        for job in jobs:
            data = job.build(sizes_of(options))
            for name, contestant in taking_part.items():
                trials[name].append(await runner.trials(f"{job.name}/{file_name(name)}", contestant, data))
            prompts = [step["prompt"] for rows in trials.values() for trial in rows[-1] for step in trial["steps"]]
            tests.append(await runner.tests(f"{job.name}/tests", data, list(dict.fromkeys(prompts))))
            print(f"{job.name}: {len(tests[-1])} different prompts tested", flush=True)
        model = engine.described()
    summaries = {name: contestant_summary(rows, tests, options.cap, options.seed) for name, rows in trials.items()}
    return {
        "benchmark": "optimizers",
        "measured_on": surroundings(),
        "model": model,
        "settings": {name: getattr(options, name) for name in ("train", "validation", "test", "seeds", "cap", "seed")},
        "contestants": summaries,
        "jobs": {job.name: {"about": job.about, "tests": known} for job, known in zip(jobs, tests, strict=True)},
    }


def _contestants(names: Sequence[str] | None) -> Mapping[str, Contestant]:
    known = contestants()
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise InvalidInputError(f"there is no contestant {unknown[0]!r}; known are: {'; '.join(known)}")
    return {name: known[name] for name in names or known}


@dataclass(frozen=True, slots=True)
class _Runner:
    """Runs what has not been run yet."""

    engine: Engine
    cells: Cells
    options: argparse.Namespace

    async def trials(self, name: str, contestant: Contestant, data: JobData) -> list[Any]:
        """One for each seed."""
        first, cap_s = self.options.seed, self.options.cap
        key = {"revision": self.engine.identity.revision, "data": data.digest(), "cap": cap_s}
        return [
            await self.cells.have(
                f"{name}/{seed}", key, partial(run_trial, self.engine, contestant, data, cap_s=cap_s, seed=seed)
            )
            for seed in range(first, first + self.options.seeds)
        ]

    async def tests(self, name: str, data: JobData, prompts: Sequence[str]) -> dict[str, dict[str, float]]:
        """Accuracy and loss of every prompt on the test set; those that an earlier call measured are kept."""
        key = {"revision": self.engine.identity.revision, "data": data.digest(with_test=True)}
        known: dict[str, dict[str, float]] = self.cells.load(name, key) or {}
        fresh = [prompt for prompt in prompts if prompt not in known]
        if fresh:
            truth = await measure_truth(self.engine, data, fresh)
            for prompt, accuracy, loss in zip(fresh, truth["accuracy"], truth["loss"], strict=True):
                known[prompt] = {"accuracy": accuracy, "loss": loss}
            self.cells.save(name, key, known)
        return {prompt: known[prompt] for prompt in prompts}


def file_name(name: str) -> str:
    """A contestant's name without commas and blanks."""
    return name.replace(",", "").replace(" ", "-")


def _print(result: Mapping[str, Any]) -> None:
    print(f"{'contestant':34} {'test accuracy at the cap':>26} {'loss':>7} {'engine s':>8}")
    for name, row in result["contestants"].items():
        end = row["accuracy_at_share"]["1.0"]
        print(
            f"{name:34} {end['mean']:7.1f} ({end['low']:6.1f} to {end['high']:6.1f}) "
            f"{row['loss_at_share']['1.0']['mean']:7.3f} {row['seconds']['mean']:8.1f}"
        )


if __name__ == "__main__":
    sys.exit(main())
