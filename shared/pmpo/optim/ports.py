"""What the algorithm asks of the world, batch-shaped. The consumer owns these protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pmpo.optim.types import Completion, Example, GenerationRequest, Scores


class Scorer(Protocol):
    """Teacher-forced log-likelihoods of known outputs."""

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """Every prompt on every example: (C, N)."""
        ...

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """(C, N) context plus target tokens: exactly what ``score`` will report. Raises TooLongError."""
        ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone."""
        ...


class Generator(Protocol):
    """Sampled or greedy text."""

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """``num_samples`` completions for each request, in order."""
        ...


class Grader(Protocol):
    """A pure metric: 1.0 is right, 0.0 is wrong."""

    def grade(self, example: Example, text: str) -> float:
        """How right ``text`` is for ``example``, from 0.0 to 1.0."""
        ...


class Clock(Protocol):
    """Seconds that this job has been worked on, over all its workers."""

    def elapsed_s(self) -> float:
        """Never falls, also after a resume."""
        ...


class JournalPort(Protocol):
    """Where every answer is written before it is used."""

    async def append(self, call: int, kind: str, digest: str, answer: object) -> None:
        """Store one answer under its call number. Raises LeaseLostError when another worker took over."""
        ...
