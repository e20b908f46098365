"""The engine as a trial sees it: the same ports, a clock of priced engine seconds, and a cap on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.engine import Spending
from benchmarks.optimizing.rates import Rates
from pmpo.optim.ports import Generator, Scorer
from pmpo.optim.types import Completion, Example, GenerationRequest, Scores

Memo = dict[GenerationRequest, list[Completion]]


class CapReachedError(Exception):
    """The call that has just been charged went over the cap: its answer comes too late, and the trial is over."""


class BareEngine(Scorer, Generator, Protocol):
    """What is priced."""


@dataclass(slots=True)
class PricedEngine:
    """``Scorer``, ``Generator`` and ``Clock`` of one trial over an engine that others may use too.

    Args:
        engine: who answers.
        rates: of its calls.
        cap_s: priced engine seconds. Raises CapReachedError from the call that exceeds them.
        memo: generations that are known, shared by the trials of a job: a request holds its own seed, so its answer is
            always the same. A known one is charged as if it had been generated.
    """

    engine: BareEngine
    rates: Rates
    cap_s: float
    memo: Memo = field(default_factory=dict)
    spent: Spending = field(default_factory=Spending)

    def elapsed_s(self) -> float:
        """Priced engine seconds since the last ``reset``."""
        return self.spent.seconds

    def reset(self) -> None:
        """Start counting again."""
        self.spent = Spending()

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """See ``pmpo.optim.ports.Scorer``."""
        scores = await self.engine.score(prompts, examples)
        self.spent.scored_tokens += scores.scored_tokens
        self.spent.computed_tokens += scores.computed_tokens
        self._charge(self.rates.scoring_s(scores.computed_tokens, len(prompts) * len(examples)))
        return scores

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """See ``pmpo.optim.ports.Scorer``."""
        counts = await self.engine.num_scored_tokens(prompts, examples)
        self._charge(self.rates.tokenizing_s(len(prompts) * len(examples)))
        return counts

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ``pmpo.optim.ports.Scorer``."""
        counts = await self.engine.count_tokens(texts)
        self._charge(self.rates.tokenizing_s(len(texts)))
        return counts

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """See ``pmpo.optim.ports.Generator``."""
        fresh = [request for request in dict.fromkeys(requests) if request not in self.memo]
        if fresh:
            self.memo.update(zip(fresh, await self.engine.generate(fresh), strict=True))
        answers = [self.memo[request] for request in requests]
        self.spent.generated_tokens += sum(completion.num_tokens for row in answers for completion in row)
        if answers:
            self._charge(self.rates.generating_s(requests, answers))
        return answers

    def _charge(self, seconds: float) -> None:
        self.spent.seconds += seconds
        if self.spent.seconds > self.cap_s:
            raise CapReachedError
