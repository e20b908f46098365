"""Timing: where the rates come from. Calls of many shapes on every job, on an engine with the machine for itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.engine import Engine
from benchmarks.jobs import JobData
from benchmarks.optimizing.rates import MAX_REWRITE_TOKENS, generating_quantities
from benchmarks.selecting.prices import fit
from pmpo.optim.answers import answer_requests
from pmpo.optim.rewrite import RewriteContext, render_rewrite
from pmpo.optim.types import GenerationRequest
from pmpo.runs.meta_prompt import small_rewrite

NUM_TIMES = 2
SENTENCES = ("Answer briefly.", "Use lower case letters for everything.", "Name only what the text says.", "Be polite.")


async def measure_rates(engine: Engine, jobs: Sequence[JobData]) -> dict[str, Any]:
    """Time calls of many shapes on every job, each twice, the faster one counting; fit; as plain values."""
    scoring: list[tuple[Sequence[float], float]] = []
    generating: list[tuple[Sequence[float], float]] = []
    tokenizing: list[tuple[Sequence[float], float]] = []
    for data in jobs:
        for num_prompts, num_examples in ((1, 8), (4, 4), (1, len(data.splits.train)), (6, 16), (12, 8)):
            prompts, rows = _prompts(data, num_prompts), data.splits.train[:num_examples]
            scores, seconds = await _timed(partial(engine.score, prompts, rows))
            scoring.append(((1, scores.computed_tokens, len(prompts) * len(rows)), seconds))
            _, seconds = await _timed(partial(engine.num_scored_tokens, prompts, rows))
            tokenizing.append(((1, len(prompts) * len(rows)), seconds))
        for requests in _generations(data):
            answers, seconds = await _timed(partial(engine.generate, requests))
            generating.append((generating_quantities(requests, answers), seconds))
    return {**_fitted("scoring", scoring), **_fitted("generating", generating), **_fitted("tokenizing", tokenizing)}


def _fitted(name: str, calls: Sequence[tuple[Sequence[float], float]]) -> dict[str, Any]:
    rates, error = fit(np.array([row for row, _ in calls], dtype=float), np.array([seconds for _, seconds in calls]))
    return {name: [round(float(rate), 9) for rate in rates], f"{name}_error": round(error, 4)}


def _prompts(data: JobData, count: int) -> list[str]:
    """Different prompts of different lengths that share their beginning as a round's rewrites do, and no more."""
    return [
        " ".join((SENTENCES[place % len(SENTENCES)], data.prompt, *SENTENCES[: place // len(SENTENCES)]))
        for place in range(count)
    ]


def _generations(data: JobData) -> list[list[GenerationRequest]]:
    """Answers to 1, 3, 8 and all training examples, and rewrites: 1 and 3 requests of 4 samples."""
    train = data.splits.train
    answers = [answer_requests(data.prompt, train[:count], data.max_answer_tokens) for count in (1, 3, 8, len(train))]
    return [*answers, _rewrites(data, 1), _rewrites(data, 3)]


def _rewrites(data: JobData, count: int) -> list[GenerationRequest]:
    meta = small_rewrite()
    shown = [RewriteContext(data.prompt, row.input, row.target) for row in data.splits.train[:count]]
    return [
        GenerationRequest(render_rewrite(meta, context), 4, MAX_REWRITE_TOKENS, 1.0, 0.95, place)
        for place, context in enumerate(shown)
    ]


async def _timed(call: Callable[[], Awaitable[Any]]) -> tuple[Any, float]:
    """The answer, and the fastest of the times."""
    seconds = []
    for _ in range(NUM_TIMES):
        started_at = time.perf_counter()
        answer = await call()
        seconds.append(time.perf_counter() - started_at)
    return answer, min(seconds)
