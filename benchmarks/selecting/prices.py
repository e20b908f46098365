"""Prices: what a call costs in engine seconds, fitted to calls that were timed on this machine.

A policy is replayed over known cells, and each of its calls is charged ``sum(price * quantity)``:

    scoring    1, computed tokens, cells
    answering  1, requests, prompt tokens, steps

Computed tokens of a scoring call count a candidate's shared beginning once, as the tree engine does. Steps of an
answering call are decoding steps: the longest answer of each group of 8 requests, the product's concurrency. Prices are
a least-squares fit of relative errors, none below zero; ``typical_error`` is the median relative error of the fit.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.engine import Engine
from benchmarks.jobs import JobData
from benchmarks.selecting.known import Floats, Known, block
from pmpo.optim.answers import answer_requests
from pmpo.remote.generator import MAX_CONCURRENT

NUM_CALLS = 24


@dataclass(frozen=True, slots=True)
class Prices:
    """Engine seconds for each quantity of a call."""

    scoring: Floats
    answering: Floats
    scoring_error: float = 0.0
    answering_error: float = 0.0

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Prices:
        """From a cell."""
        return cls(
            np.array(plain["scoring"]),
            np.array(plain["answering"]),
            plain["scoring_error"],
            plain["answering_error"],
        )


def scoring_quantities(known: Known, candidates: Sequence[int], examples: Sequence[int]) -> Floats:
    """(3,) of one call that scores all candidates on all examples."""
    shared = known.shared_tokens[np.array(candidates)]  # (candidates,)
    items = block(known.item_tokens, candidates, examples)  # (candidates, examples)
    computed = shared.sum() + (items - shared[:, None]).sum()
    return np.array([1.0, computed, float(items.size)])


def answering_quantities(known: Known, candidate: int, examples: Sequence[int]) -> Floats:
    """(4,) of one call that answers all examples under one candidate."""
    answers = block(known.answer_tokens, [candidate], examples)[0]  # (examples,)
    prompts = block(known.prompt_tokens, [candidate], examples)
    steps = sum(answers[start : start + MAX_CONCURRENT].max() for start in range(0, len(answers), MAX_CONCURRENT))
    return np.array([1.0, float(len(answers)), prompts.sum(), steps])


async def measure_prices(
    engine: Engine, data: JobData, prompts: Sequence[str], known: Known, seed: int
) -> dict[str, Any]:
    """Time calls of many shapes, one after the other, and fit; as plain values."""
    rng = np.random.default_rng(seed)
    shapes = [_shape(rng, known, index) for index in range(NUM_CALLS)]
    scoring = [await _time_scoring(engine, data, prompts, *shape) for shape in shapes]
    answering = [await _time_answering(engine, data, prompts[shape[0][0]], shape[1]) for shape in shapes]
    score_rows = np.array([scoring_quantities(known, *shape) for shape in shapes])
    answer_rows = np.array([answering_quantities(known, shape[0][0], shape[1]) for shape in shapes])
    score_prices, score_error = fit(score_rows, np.array(scoring))
    answer_prices, answer_error = fit(answer_rows, np.array(answering))
    return {
        "scoring": score_prices.tolist(),
        "answering": answer_prices.tolist(),
        "scoring_error": round(score_error, 4),
        "answering_error": round(answer_error, 4),
        "num_calls": NUM_CALLS,
    }


def fit(quantities: Floats, seconds: Floats) -> tuple[Floats, float]:
    """(K,) prices, none below zero, and their median relative error.

    Quantities (calls, K). A price that comes out below zero is set to zero and the others are fitted again.
    """
    scaled = quantities / seconds[:, None]
    used = list(range(quantities.shape[1]))
    prices = np.zeros(quantities.shape[1])
    while used:
        found = np.linalg.lstsq(scaled[:, used], np.ones(len(seconds)), rcond=None)[0]
        if (found >= 0).all():
            prices[used] = found
            break
        used.remove(used[int(found.argmin())])
    return prices, float(np.median(np.abs(scaled @ prices - 1.0)))


def _shape(rng: np.random.Generator, known: Known, index: int) -> tuple[list[int], list[int]]:
    """Candidates and examples of one call: from one candidate on 3 examples to all on all."""
    num_candidates = min(known.num_candidates, (1, 1, 2, 4, 8, known.num_candidates)[index % 6])
    num_examples = min(known.num_examples, (3, 5, 8, 16, known.num_examples)[index % 5])
    candidates = rng.permutation(known.num_candidates)[:num_candidates]
    return candidates.tolist(), rng.permutation(known.num_examples)[:num_examples].tolist()


async def _time_scoring(
    engine: Engine, data: JobData, prompts: Sequence[str], candidates: Sequence[int], examples: Sequence[int]
) -> float:
    chosen = [prompts[place] for place in candidates]
    started_at = time.perf_counter()
    await engine.score(chosen, [data.splits.train[place] for place in examples])
    return time.perf_counter() - started_at


async def _time_answering(engine: Engine, data: JobData, prompt: str, examples: Sequence[int]) -> float:
    rows = [data.splits.train[place] for place in examples]
    requests = answer_requests(prompt, rows, data.max_answer_tokens)
    started_at = time.perf_counter()
    await engine.generate(requests)
    return time.perf_counter() - started_at
