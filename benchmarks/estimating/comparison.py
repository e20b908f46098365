"""One bundled job: what its estimate says, and what a run through all its rounds then uses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.engine import Engine
from benchmarks.ports import NoJournal
from pmpo.contracts.estimates import EstimateView
from pmpo.contracts.jobs import JobSpec
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.optim.compress import compress
from pmpo.optim.events import (
    CandidateProposed,
    Event,
    IncumbentAccepted,
    RewriteRejected,
    SearchFinished,
    UnitsMeasured,
)
from pmpo.optim.journal import SearchPorts
from pmpo.optim.search import search
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.types import Completion, Example, GenerationRequest, Scores, Splits
from pmpo.runs.jobfile import load_job
from pmpo.runs.jobspec import search_spec, split_job
from pmpo.runs.modes import deletion_rule
from pmpo.runs.rivals import refuse_estimate
from pmpo.runtime.endpoints import Endpoint
from services.api.jobs.checks import JobChecks

TOLERANCE = 0.25
KINDS = ("scored_tokens", "generated_tokens")


class NothingRight:
    """Grades every answer as wrong, so that neither ``perfect`` nor ``diverged`` ends a run; every answer is paid."""

    def grade(self, _example: Example, _text: str) -> float:
        """0.0"""
        return 0.0


class ScoredOn:
    """A scorer that notes on which set its tokens were scored."""

    def __init__(self, engine: Engine, splits: Splits) -> None:
        self.tokens = {"train": 0, "validation": 0, "test": 0}
        self._engine = engine
        self._set_of = {id(row): name for name in self.tokens for row in getattr(splits, name)}

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """See ``pmpo.optim.ports.Scorer``, as the next two."""
        scores = await self._engine.score(prompts, examples)
        self.tokens[self._set_of[id(examples[0])]] += scores.scored_tokens
        return scores

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        return await self._engine.num_scored_tokens(prompts, examples)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self._engine.count_tokens(texts)


class Written:
    """A generator that counts its tokens."""

    def __init__(self, engine: Engine) -> None:
        self.num_tokens = 0
        self._engine = engine

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """See ``pmpo.optim.ports.Generator``."""
        answers = await self._engine.generate(requests)
        self.num_tokens += sum(completion.num_tokens for row in answers for completion in row)
        return answers


@dataclass(frozen=True, slots=True)
class BundledJob:
    """A job file with its data."""

    name: str
    job: JobSpec

    def with_seed(self, seed: int) -> JobSpec:
        """The job, cut and searched by another seed; its rows stay those that were sampled."""
        return self.job.model_copy(update={"seed": seed})

    @property
    def digest(self) -> str:
        """What results depend on, in 16 hexadecimal digits."""
        return hashlib.sha256(self.job.model_dump_json(exclude_unset=True).encode()).hexdigest()[:16]


def bundled_jobs(folder: Path, data_dir: Path | None) -> Iterator[BundledJob | str]:
    """Every job file of ``folder``, or a sentence without paths that says why it is left out."""
    for path in sorted(folder.glob("*.yaml")):
        try:
            job = load_job(path, data_dir)
            refuse_estimate(job)
        except InvalidDataError:
            yield f"{path.stem} is left out: its data is not under PMPO_DATA_DIR"
        except InvalidInputError as error:
            yield f"{path.stem} is left out: {error.message.partition(';')[0]}"
        else:
            yield BundledJob(path.stem, job)


async def estimated(engine: Engine, job: JobSpec) -> EstimateView:
    """What the API answers to ``pmpo estimate``."""
    table = {name: Endpoint(name=name, url="http://127.0.0.1") for name in (*job.models.targets, job.models.rewriter)}
    return await JobChecks(table, lambda _row, _arguments: engine).estimate(job)


async def run_to_the_end(engine: Engine, job: JobSpec) -> dict[str, Any]:
    """A run of all rounds: without patience, caps and ends by accuracy.

    Raises:
        RuntimeError: it ended before, because nothing usable was written.
    """
    spec = replace(search_spec(job), patience=job.optimizer.iterations, caps=BudgetCaps(), target_loss=None)
    engine.reset()
    splits = split_job(job)[0]
    scorer, rewriter, target = ScoredOn(engine, splits), Written(engine), Written(engine)
    ports = SearchPorts(scorer, rewriter, target, engine, NoJournal(), NothingRight())
    is_search = job.kind == "optimize"
    run = search(spec, splits, ports) if is_search else compress(spec, deletion_rule(job), splits, ports)
    events = [event async for event in run]
    result = next(event.result for event in events if isinstance(event, SearchFinished))
    if is_search and result.num_iterations < job.optimizer.iterations:
        raise RuntimeError(f"{job.name} ended after {result.num_iterations} rounds: {result.stop_reason}")
    return {
        "scored_tokens": result.spent.scored_tokens,
        "generated_tokens": result.spent.generated_tokens,
        "rounds": result.num_iterations,
        "scored_on": scorer.tokens,
        "written": {"rewrites": rewriter.num_tokens, "answers": target.num_tokens},
        **await _guessed(engine, events),
    }


async def _guessed(engine: Engine, events: Sequence[Event]) -> dict[str, Any]:
    """What nobody knows before a run: rewrites that passed the guards, their length, accepted ones, units."""
    usable = [event.candidate.prompt for event in events if isinstance(event, CandidateProposed)]
    num_refused = sum(isinstance(event, RewriteRejected) for event in events)
    return {
        "usable_rewrites": len(usable) / (len(usable) + num_refused),
        "rewrite_tokens": fmean(await engine.count_tokens(usable)),
        "accepted": sum(isinstance(event, IncumbentAccepted) for event in events),
        "units": [len(event.importances) for event in events if isinstance(event, UnitsMeasured)],
    }


def compare(told: EstimateView, used: dict[str, Any]) -> dict[str, Any]:
    """Both as plain values, and how far the expected amounts are off, as shares of what was used (below 0: too low)."""
    errors = {kind: getattr(told, kind).expected / used[kind] - 1 for kind in KINDS}
    return {"estimate": {kind: getattr(told, kind).model_dump() for kind in KINDS}, "used": used, "errors": errors}


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of a job's runs: mean amounts and error of the means, runs within the tolerance, runs between low and high."""
    expected = {kind: fmean(run["estimate"][kind]["expected"] for run in runs) for kind in KINDS}
    used = {kind: fmean(run["used"][kind] for run in runs) for kind in KINDS}
    errors = {kind: expected[kind] / used[kind] - 1 for kind in KINDS}
    return {
        "expected": expected,
        "used": used,
        "errors": errors,
        "is_within": all(abs(error) <= TOLERANCE for error in errors.values()),
        "runs_within": sum(all(abs(error) <= TOLERANCE for error in run["errors"].values()) for run in runs),
        "runs_between_low_and_high": sum(_is_between(run) for run in runs),
    }


def _is_between(run: dict[str, Any]) -> bool:
    ranges = ((run["estimate"][kind], run["used"][kind]) for kind in KINDS)
    return all(told["low"] <= used <= told["high"] for told, used in ranges)
