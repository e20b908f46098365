"""Rates: what a call costs in engine seconds, fitted once to calls that were timed with nothing else running.

A trial is charged ``sum(rate * quantity)`` for each of its calls, whatever the clock said meanwhile:

    scoring     1, computed tokens, cells (prompt x example)
    generating  1, requests, prompt tokens, steps, written tokens
    tokenizing  1, texts

So trials may run side by side on one machine, an answer that is known need not be generated again, and a machine that
is busy favours nobody. Steps are decoding steps: the longest answer of each 8 requests, the product's concurrency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pmpo.optim.types import Completion, GenerationRequest
from pmpo.remote.generator import MAX_CONCURRENT

MAX_REWRITE_TOKENS = 160


@dataclass(frozen=True, slots=True)
class Rates:
    """Engine seconds for each quantity of a call, in the order of this module's docstring."""

    scoring: tuple[float, ...]
    generating: tuple[float, ...]
    tokenizing: tuple[float, ...]

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Rates:
        """From a cell."""
        return cls(*(tuple(plain[name]) for name in ("scoring", "generating", "tokenizing")))

    def scoring_s(self, computed_tokens: int, num_cells: int) -> float:
        """Seconds of one call that scores."""
        return _sum(self.scoring, (1, computed_tokens, num_cells))

    def generating_s(self, requests: Sequence[GenerationRequest], answers: Sequence[Sequence[Completion]]) -> float:
        """Seconds of one call that generates."""
        return _sum(self.generating, generating_quantities(requests, answers))

    def tokenizing_s(self, num_texts: int) -> float:
        """Seconds of one call that counts tokens."""
        return _sum(self.tokenizing, (1, num_texts))


def generating_quantities(
    requests: Sequence[GenerationRequest], answers: Sequence[Sequence[Completion]]
) -> tuple[int, ...]:
    """(5,) of one call."""
    lengths = [max(completion.num_tokens for completion in row) for row in answers]
    steps = sum(max(lengths[start : start + MAX_CONCURRENT]) for start in range(0, len(lengths), MAX_CONCURRENT))
    written = sum(completion.num_tokens for row in answers for completion in row)
    return 1, len(requests), sum(row[0].num_prompt_tokens for row in answers), steps, written


def _sum(rates: Sequence[float], quantities: Sequence[float]) -> float:
    return sum(rate * quantity for rate, quantity in zip(rates, quantities, strict=True))
