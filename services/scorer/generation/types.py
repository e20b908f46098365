"""What generation is asked and what it answers: token ids in, texts out."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from pmpo.errors import PmpoError

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class SamplingRequest:
    """``num_samples`` answers to one prompt.

    Attributes:
        prompt: token ids up to where the answer begins.
        max_tokens: most tokens of one answer.
        temperature: 0 takes the most likely token.
        top_p: the nucleus: the fewest likeliest tokens whose probabilities reach it.
        seed: with the sample's index it alone decides the draws.
        stops: texts that end an answer; they are not part of it.
    """

    prompt: tuple[int, ...]
    num_samples: int
    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    stops: tuple[str, ...] = ()

    @property
    def num_tokens(self) -> int:
        """Tokens that may have to be run: the prompt once, every answer at its longest."""
        return len(self.prompt) + self.num_samples * self.max_tokens

    @property
    def num_row_tokens(self) -> int:
        """Tokens of one answer at its longest, with its prompt: what its row takes in the cache."""
        return len(self.prompt) + self.max_tokens


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer. ``num_tokens`` counts all sampled tokens, the end of turn included."""

    text: str
    num_tokens: int
    finish_reason: FinishReason


class RowKey(NamedTuple):
    """Which sample of which request a row draws."""

    request_number: int
    sample_index: int


@dataclass(frozen=True, slots=True)
class SamplingRow:
    """One sample that is to be drawn: sample ``key.sample_index`` of ``request``."""

    key: RowKey
    request: SamplingRequest


@dataclass(frozen=True, slots=True)
class RowEnd:
    """A row that has left the batch: with its sample, or with the error that its request alone failed with."""

    key: RowKey
    outcome: Sample | PmpoError


class Generator(Protocol):
    """Draws samples in a batch that rows join and leave between tokens. Called from one thread at a time."""

    @property
    def max_cached_tokens(self) -> int:
        """Bound on rows times the longest of them, prompt and answer; a single row may have more."""

    @property
    def lets_rows_join(self) -> bool:
        """Whether rows may join others that have begun; if not, they wait until the batch is empty."""

    def turn(self, leaving: Set[RowKey], joining: Sequence[SamplingRow]) -> list[RowEnd]:
        """Let rows go and others join, draw one token for every row, and answer those that ended with it.

        A sample depends on its request and its index alone, but for float noise, never on the company.
        """

    def clear(self) -> None:
        """Drop all rows."""
