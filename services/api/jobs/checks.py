"""What a job must pass before it is saved: data, endpoint names, token limits, budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pmpo.contracts.jobs import JobSpec, SplitSizes
from pmpo.data.metrics import check_gradable
from pmpo.errors import TooLongError
from pmpo.optim.bounds import TokenCounts
from pmpo.optim.budget import require
from pmpo.optim.several import SeveralCounters
from pmpo.optim.types import Example, Splits
from pmpo.runs.jobspec import search_spec
from pmpo.runs.modes import check_mode, sets_of, smallest_budget
from pmpo.runtime.endpoints import Endpoint, endpoint


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
        for name in spec.models.targets:
            endpoint(self._endpoints, name)
        endpoint(self._endpoints, spec.models.rewriter)
        splits, sizes, warnings = sets_of(spec)
        check_gradable(spec.metric, _graded(spec, splits))
        await self._check_tokens(spec, splits)
        return CheckedJob(spec, splits, sizes, warnings)

    async def _check_tokens(self, spec: JobSpec, splits: Splits) -> None:
        counters = [self._counters[name] for name in spec.models.targets]
        counter = counters[0] if len(counters) == 1 else SeveralCounters(counters)
        (prompt,) = await counter.count_tokens([spec.prompt])
        limit = spec.constraints.max_prompt_tokens
        if spec.kind == "optimize" and prompt > limit:
            raise TooLongError(
                f"the prompt has {prompt} tokens and constraints.max_prompt_tokens is {limit}; "
                "shorten the prompt or raise the limit"
            )
        rows = [*splits.train, *splits.validation, *splits.test]
        (counts,) = await counter.num_scored_tokens([spec.prompt], rows)
        gate, final = len(splits.train), len(splits.train) + len(splits.validation)
        search = search_spec(spec)
        known = TokenCounts(counts[:gate], counts[gate:final], counts[final:], prompt)
        require(search.caps, smallest_budget(spec, search, known))
