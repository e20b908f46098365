"""What a job must pass before it is saved: data, endpoint names, token limits, budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pmpo.contracts.estimates import EstimateView
from pmpo.contracts.jobs import JobSpec, SplitSizes
from pmpo.data.metrics import check_gradable
from pmpo.errors import TooLongError
from pmpo.optim.bounds import TokenCounts, covered_by_minimum, largest_row_bytes, most_targets
from pmpo.optim.budget import require
from pmpo.optim.several import SeveralCounters
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Example, Prices, Splits
from pmpo.remote.prices import prices_of
from pmpo.runs.estimation import estimate_view
from pmpo.runs.jobspec import search_spec
from pmpo.runs.modes import check_mode, sets_of, smallest_budget
from pmpo.runs.rivals import refuse_estimate
from pmpo.runtime.endpoints import Endpoint


def _graded(spec: JobSpec, splits: Splits) -> tuple[Example, ...]:
    """The rows whose targets the metric will be compared with."""
    return splits.train if spec.kind == "rationalize" else (*splits.validation, *splits.test)


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
    splits: Splits
    sizes: SplitSizes
    warnings: Sequence[str]


class JobChecks:
    """The checks, cheap ones first."""

    def __init__(self, endpoints: Mapping[str, Endpoint], counters: Mapping[str, TokenCounter]) -> None:
        self._endpoints = endpoints
        self._counters = counters

    async def check(self, spec: JobSpec) -> CheckedJob:
        """Split the data and see that a search can begin.

        Raises:
            InvalidInputError: what is wrong, where, and what to do.
            ScorerUnavailableError: the target's scorer cannot be asked for token counts.
        """
        check_mode(spec)
        prices = self._prices(spec)
        splits, sizes, warnings = sets_of(spec)
        check_gradable(spec.metric, _graded(spec, splits))
        search = search_spec(spec, prices)
        counts = await self._count(spec, search, splits)
        require(search.caps, smallest_budget(spec, search, counts), covered_by_minimum(search))
        return CheckedJob(spec, splits, sizes, warnings)

    async def estimate(self, spec: JobSpec) -> EstimateView:
        """What the job would use; a budget that is too small is no obstacle. Raises as ``check`` does."""
        check_mode(spec)
        refuse_estimate(spec)
        prices = self._prices(spec)
        splits, sizes, warnings = sets_of(spec)
        search = search_spec(spec, prices)
        counts = await self._count(spec, search, splits)
        targets = [example.target for example in (*splits.train, *splits.validation, *splits.test)]
        answers = await self._counter(spec).count_tokens(targets)
        return estimate_view(search, counts, sum(answers) / len(answers), sizes, warnings)

    def _prices(self, spec: JobSpec) -> Prices | None:
        """Raises InvalidInputError: a name that is not in the endpoint table."""
        return prices_of(self._endpoints, spec.models.targets, spec.models.rewriter)

    def _counter(self, spec: JobSpec) -> TokenCounter:
        counters = [self._counters[name] for name in spec.models.targets]
        return counters[0] if len(counters) == 1 else SeveralCounters(counters)

    async def _count(self, spec: JobSpec, search: SearchSpec, splits: Splits) -> TokenCounts:
        """Tokens of every seed prompt, alone and with every row. Raises TooLongError."""
        prompts, counter = list(search.seeds), self._counter(spec)
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
