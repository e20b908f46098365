"""What every job must pass before it is run: data, token limits, budget; and what it would use. Cheap checks first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pmpo.contracts.estimates import EstimateView
from pmpo.contracts.jobs import JobSpec, SplitSizes
from pmpo.data.metrics import check_gradable
from pmpo.errors import TooLongError
from pmpo.optim.bounds import TokenCounts, largest_row_bytes, most_targets
from pmpo.optim.budget import require
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Example, Splits
from pmpo.runs.estimation import estimate_view
from pmpo.runs.jobspec import search_spec, seeds_of
from pmpo.runs.modes import check_mode, covered_by, sets_of, smallest_budget
from pmpo.runs.rivals import refuse_estimate
from pmpo.runs.terms import JobTerms


class TokenCounter(Protocol):
    """The part of the scorer that counts."""

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """(C, N) context plus target tokens. Raises TooLongError."""
        ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedJob:
    """A job that passed, with what was made on the way."""

    spec: JobSpec
    terms: JobTerms
    splits: Splits
    sizes: SplitSizes
    warnings: Sequence[str]


async def checked_job(spec: JobSpec, terms: JobTerms, counter: TokenCounter) -> CheckedJob:
    """Split the data and see that a search can begin.

    Raises:
        InvalidInputError: what is wrong, where, and what to do.
        ScorerUnavailableError: the target's scorer cannot be asked for token counts.
    """
    check_mode(spec)
    splits, sizes, warnings = await asyncio.to_thread(sets_of, spec)
    check_gradable(spec.metric, _graded(spec, splits))
    search = search_spec(spec, terms.prices)
    counts = await _count(counter, spec, search, splits)
    require(search.caps, smallest_budget(spec, search, counts), covered_by(spec, search))
    return CheckedJob(spec, terms, splits, sizes, warnings)


async def estimated_job(spec: JobSpec, terms: JobTerms, counter: TokenCounter) -> EstimateView:
    """What the job would use; a budget that is too small is no obstacle. Raises as ``checked_job`` does."""
    check_mode(spec)
    refuse_estimate(spec)
    splits, sizes, warnings = await asyncio.to_thread(sets_of, spec)
    search = search_spec(spec, terms.prices)
    counts = await _count(counter, spec, search, splits)
    targets = [example.target for example in (*splits.train, *splits.validation, *splits.test)]
    answers = await counter.count_tokens(targets)
    mean = sum(answers) / len(answers)
    return estimate_view(spec, search, counts, mean, sizes=sizes, warnings=warnings)


def _graded(spec: JobSpec, splits: Splits) -> tuple[Example, ...]:
    """The rows whose targets the metric will be compared with."""
    return splits.train if spec.kind == "rationalize" else (*splits.validation, *splits.test)  # evaluate: all in test


async def _count(counter: TokenCounter, spec: JobSpec, search: SearchSpec, splits: Splits) -> TokenCounts:
    """Tokens of every seed prompt, alone and with every row.

    Raises:
        TooLongError: a prompt, or a prompt with a row.
        InvalidInputError: an answer would not stand where the model answers, or a template argument is not known.
    """
    prompts = list(seeds_of(spec))
    alone = await counter.count_tokens(prompts)
    for number, num_tokens in enumerate(alone, start=1):
        if spec.kind == "optimize" and num_tokens > search.max_prompt_tokens:
            which = "the prompt" if len(prompts) == 1 else f"prompt {number} of prompts"
            raise TooLongError(
                f"{which} has {num_tokens} tokens and constraints.max_prompt_tokens is {search.max_prompt_tokens}; "
                "shorten the prompt or raise the limit"
            )
    rows = [*splits.train, *splits.validation, *splits.test]
    gate, final = len(splits.train), len(splits.train) + len(splits.validation)
    first, *others = [
        TokenCounts(counts[:gate], counts[gate:final], counts[final:], num_tokens)
        for counts, num_tokens in zip(await counter.num_scored_tokens(prompts, rows), alone, strict=True)
    ]
    row, most = largest_row_bytes(splits.train), most_targets(splits)
    return replace(first, others=others, largest_row_bytes=row, max_row_targets=most)
