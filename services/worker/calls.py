"""The models as a job's search asks them: each call passes the gate, and is noted while it is under way."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pmpo.errors import OverloadedError
from pmpo.optim.journal import JournalEntry
from pmpo.optim.ports import Generator
from pmpo.optim.several import IdentifiedScorer
from pmpo.optim.types import Completion, Example, GenerationRequest, ModelIdentity, Scores
from pmpo.runs.codec import encode_entry
from services.store.records import JobRecord, call_fields
from services.store.store import Store
from services.worker.gate import Gate
from services.worker.hold import Hold

T = TypeVar("T")


class RunCalls:
    """The calls of one run, and their journal: the search's ``JournalPort``, under the lease of this run.

    Calls come one after the other, so at most one is under way. Before a model is asked, the store notes how often it
    was asked this already; when the answer is journaled, the note goes in the same step. A run that finds a note makes
    the call again, and the tokens of the earlier tries, which may have been paid, are counted as repeated.
    """

    def __init__(self, store: Store, hold: Hold, gate: Gate, record: JobRecord) -> None:
        self.repeated_tokens = record.view.repeated_tokens
        self._store = store
        self._hold = hold
        self._gate = gate
        self._num_lost = record.num_asked

    async def make(self, call: Callable[[], Awaitable[T]], num_tokens: Callable[[T], int]) -> T:
        """Ask a model.

        Raises:
            LetGoError: the gate is closed; nothing was asked.
            LeaseLostError: another worker took over; nothing was asked.
        """
        self._gate.check()
        await self._write({}, self._num_lost + 1)
        try:
            answer = await call()
        except OverloadedError:
            await self._write({}, self._num_lost)  # refused before any work
            raise
        self.repeated_tokens += self._num_lost * num_tokens(answer)
        self._num_lost = 0
        return answer

    async def append(self, call: int, kind: str, digest: str, answer: object) -> None:
        """Store one answer. Raises LeaseLostError when another worker took over."""
        await self._write({call: encode_entry(JournalEntry(call, kind, digest, answer))}, self._num_lost)

    async def _write(self, answers: dict[int, bytes], num_asked: int) -> None:
        changes = call_fields(num_asked, self.repeated_tokens)
        await self._hold.through_outages(
            lambda: self._store.journal.append(
                self._hold.lease, now=time.time(), answers=answers, changes=changes, is_news=False
            )
        )


class GatedScorer:
    """A scorer behind the gate; counting is free of it."""

    def __init__(self, scorer: IdentifiedScorer, calls: RunCalls) -> None:
        self._scorer = scorer
        self._calls = calls

    @property
    def identity(self) -> ModelIdentity | None:
        """None before the first answer."""
        return self._scorer.identity

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """See ``pmpo.optim.ports.Scorer``."""
        return await self._calls.make(
            lambda: self._scorer.score(prompts, examples), lambda scores: scores.scored_tokens
        )

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """See ``pmpo.optim.ports.Scorer``."""
        return await self._scorer.num_scored_tokens(prompts, examples)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ``pmpo.optim.ports.Scorer``."""
        return await self._scorer.count_tokens(texts)


class GatedGenerator:
    """A generator behind the gate."""

    def __init__(self, generator: Generator, calls: RunCalls) -> None:
        self._generator = generator
        self._calls = calls

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """See ``pmpo.optim.ports.Generator``."""
        return await self._calls.make(lambda: self._generator.generate(requests), _num_generated)


def _num_generated(answers: list[list[Completion]]) -> int:
    return sum(completion.num_tokens for completions in answers for completion in completions)
