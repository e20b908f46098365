"""What generation is asked and what it answers: token ids in, texts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

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


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer. ``num_tokens`` counts all sampled tokens, the end of turn included."""

    text: str
    num_tokens: int
    finish_reason: FinishReason


class Generator(Protocol):
    """Samples answers. Called from one thread at a time."""

    def generate(self, requests: Sequence[SamplingRequest]) -> list[tuple[Sample, ...] | PmpoError]:
        """For each request its samples in order, or the error that it alone failed with."""
