"""A synthetic task: prompts that hold the right phrases get likelier targets. No model, no network, no clock."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pmpo.errors import TooLongError
from pmpo.optim.journal import JournalEntry
from pmpo.optim.types import Completion, Example, GenerationRequest, ModelIdentity, Scores

IDENTITY = ModelIdentity("fake", "0", "float64", "fake")


def unit_noise(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


@dataclass(slots=True)
class FakeScorer:
    """Loss per token of an example: ``base``, plus the penalty of every phrase that the prompt lacks, plus noise.

    Further targets of an example (a rejected answer, distractors) cost ``base + other`` whatever the prompt says, plus
    noise: a prompt with the right phrases makes the first target the likeliest.

    Attributes:
        penalties: phrase to nats per token that its absence costs; a negative number makes the phrase harmful.
        noise: width of the noise per (prompt, example).
        other: what further targets cost above ``base``.
        context_tokens: the longest item, in words.
        num_scored, num_calls: what was asked so far.
    """

    penalties: dict[str, float]
    base: float = 0.2
    noise: float = 0.05
    other: float = 0.5
    context_tokens: int = 10_000
    num_scored: int = 0
    num_calls: int = 0

    def loss(self, prompt: str, example: Example) -> float:
        """Nats per token of the example's first target under the prompt."""
        missing = sum(cost for phrase, cost in self.penalties.items() if phrase not in prompt)
        extra = min(0.0, sum(cost for cost in self.penalties.values() if cost < 0))
        scale = 0.5 + unit_noise("scale", example.index)
        return self.base + (missing - extra) * scale + self.noise * unit_noise(prompt, example.index)

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """See ``Scorer.score``."""
        counts = await self.num_scored_tokens(prompts, examples)
        sums = tuple(tuple(self._sums(prompt, item) for item in examples) for prompt in prompts)
        tokens = tuple(tuple(tuple(map(_words, item.targets)) for item in examples) for _ in prompts)
        total = sum(map(sum, counts))
        self.num_scored += total
        self.num_calls += 1
        return Scores(sums, tokens, total, total, IDENTITY)

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """See ``Scorer.num_scored_tokens``. Raises TooLongError above ``context_tokens``."""
        counts = self._counts(prompts, examples)
        if max(map(max, counts)) > self.context_tokens:
            raise TooLongError(f"{max(map(max, counts))} tokens; the context is {self.context_tokens}")
        return counts

    def _sums(self, prompt: str, example: Example) -> tuple[float, ...]:
        others = (
            self.base + self.other + self.noise * unit_noise(prompt, example.index, place)
            for place in range(1, len(example.targets))
        )
        losses = (self.loss(prompt, example), *others)
        return tuple(-loss * _words(target) for loss, target in zip(losses, example.targets, strict=True))

    def _counts(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        return [[_count(prompt, example) for example in examples] for prompt in prompts]

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ``Scorer.count_tokens``."""
        return [len(text.split()) for text in texts]


@dataclass(slots=True)
class ScriptedGenerator:
    """Answers with ``write(request, rng)``; the rng depends on the request's seed and the sample's index alone."""

    write: Callable[[GenerationRequest, random.Random], str]
    num_generated: int = 0
    num_read: int = 0
    requests: list[GenerationRequest] = field(default_factory=list)

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """See ``Generator.generate``."""
        self.requests.extend(requests)
        answers = [[self._sample(request, index) for index in range(request.num_samples)] for request in requests]
        self.num_generated += sum(completion.num_tokens for row in answers for completion in row)
        self.num_read += sum(map(_num_read, requests))
        return answers

    def _sample(self, request: GenerationRequest, index: int) -> Completion:
        text = self.write(request, random.Random(f"{request.seed}/{index}"))  # noqa: S311 (seeded)
        kept = text.split(" ")[: request.max_tokens]
        reason = "stop" if len(kept) == len(text.split(" ")) else "length"
        return Completion(" ".join(kept), len(kept), reason, _num_read(request))


def phrase_rewriter(phrases: Sequence[str], keep: float = 0.5) -> Callable[[GenerationRequest, random.Random], str]:
    """A rewriter that strings random phrases together, with a prompt's worth of luck."""

    def write(request: GenerationRequest, rng: random.Random) -> str:
        chosen = [phrase for phrase in phrases if rng.random() < keep] or [rng.choice(list(phrases))]
        return f"<prompt>{' '.join(chosen)}</prompt>"

    return write


@dataclass(slots=True)
class FakeClock:
    """Advances by ``step_s`` at every look."""

    step_s: float = 1.0
    now_s: float = 0.0

    def elapsed_s(self) -> float:
        """See ``Clock.elapsed_s``."""
        self.now_s += self.step_s
        return self.now_s


@dataclass(slots=True)
class MemoryJournal:
    """Keeps entries in a list; raises ``KilledError`` instead of writing entry number ``die_at``."""

    entries: list[JournalEntry] = field(default_factory=list)
    die_at: int | None = None

    async def append(self, call: int, kind: str, digest: str, answer: object) -> None:
        """See ``JournalPort.append``."""
        if self.die_at is not None and len(self.entries) + 1 >= self.die_at:
            raise KilledError(f"before entry {call}")
        self.entries.append(JournalEntry(call, kind, digest, answer))


class KilledError(Exception):
    """The process died here."""


class ExactGrader:
    """1.0 when the text is the target."""

    def grade(self, example: Example, text: str) -> float:
        """See ``Grader.grade``."""
        return float(text.strip() == example.target.strip())


def _count(prompt: str, example: Example) -> int:
    """Words of the prompt, the input and the target, for every target."""
    return sum(_words(prompt) + _words(example.input) + _words(target) for target in example.targets)


def _num_read(request: GenerationRequest) -> int:
    return sum(len(turn.content.split()) for turn in request.messages)


def _words(text: str) -> int:
    return len(text.split()) + 1
