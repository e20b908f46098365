"""One trial: a contestant on a job with a seed, what it had spent when, and what it stood for then."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Any

from benchmarks.jobs import JobData
from benchmarks.optimizing.contestants import Contestant
from benchmarks.optimizing.priced import CapReachedError, PricedEngine
from benchmarks.optimizing.rates import MAX_REWRITE_TOKENS
from benchmarks.ports import NoJournal
from pmpo.optim.events import IncumbentAccepted, IterationFinished
from pmpo.optim.journal import SearchPorts
from pmpo.optim.spec import BudgetCaps, Sampling, SearchSpec
from pmpo.optim.types import Splits
from pmpo.runs.meta_prompt import small_rewrite

MAX_ITERATIONS = 60
PATIENCE = 6


async def run_trial(
    engine: PricedEngine, contestant: Contestant, data: JobData, *, cap_s: float, seed: int
) -> dict[str, Any]:
    """Steps of (prompt, engine seconds, tokens), the seed prompt at zero first, as plain values.

    A prompt counts from the moment it was accepted. The call that exceeds the cap ends a run. The test set is no part
    of it.
    """
    engine.reset()
    ports = SearchPorts(engine, engine, engine, engine, NoJournal(), data.grader)
    splits = Splits(data.splits.train, data.splits.validation)
    steps = [{"prompt": data.prompt, **asdict(engine.spent)}]
    rounds = 0
    with suppress(CapReachedError):
        async for event in contestant.events(_spec(data, cap_s, seed), splits, ports):
            if isinstance(event, IncumbentAccepted):
                steps.append({"prompt": event.candidate.prompt, **asdict(engine.spent)})
            rounds += isinstance(event, IterationFinished)
    return {"steps": steps, "rounds": rounds, "total": asdict(engine.spent)}


def _spec(data: JobData, cap_s: float, seed: int) -> SearchSpec:
    return SearchSpec(
        prompt=data.prompt,
        rewrite_meta=small_rewrite(),
        iterations=MAX_ITERATIONS,
        patience=PATIENCE,
        max_answer_tokens=data.max_answer_tokens,
        objective=data.objective,
        with_accuracy=True,
        sampling=Sampling(max_tokens=MAX_REWRITE_TOKENS),
        caps=BudgetCaps(seconds=cap_s),
        seed=seed,
    )
