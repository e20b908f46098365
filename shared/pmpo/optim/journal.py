"""Journaled ports: every answer is written down before it is used, and a resumed search pays for none of them twice.

Calls are numbered in the order in which the search issues them. A replayed answer is only used when the digest of its
question equals the digest of the question asked now; otherwise the search stops before anything is paid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar, cast

from pmpo.errors import JournalMismatchError
from pmpo.optim.ports import Clock, Generator, Grader, JournalPort, Scorer
from pmpo.optim.types import Completion, Example, GenerationRequest, Scores

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One answer. ``kind`` names the port's method; ``digest`` is of the question."""

    call: int
    kind: str
    digest: str
    answer: object


@dataclass(frozen=True, slots=True)
class SearchPorts:
    """All that a search may ask. ``replay`` holds the entries of an earlier attempt, in any order."""

    scorer: Scorer
    rewriter: Generator
    target: Generator
    clock: Clock
    journal: JournalPort
    grader: Grader | None = None
    replay: Sequence[JournalEntry] = ()


class JournaledPorts:
    """The ports as the search uses them: same questions, same call numbers, on every attempt."""

    def __init__(self, ports: SearchPorts) -> None:
        self._ports = ports
        self._replay = {entry.call: entry for entry in ports.replay}
        self._num_calls = 0
        self._last_s = 0.0
        self._resumed_at_s: float | None = None

    @property
    def num_calls(self) -> int:
        """Call numbers given out so far."""
        return self._num_calls

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """See ``Scorer.score``."""
        question = ["score", list(prompts), _plain(examples)]
        return await self._ask("score", question, lambda: self._ports.scorer.score(prompts, examples))

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """See ``Scorer.num_scored_tokens``."""
        question = ["num_scored_tokens", list(prompts), _plain(examples)]
        return await self._ask(
            "num_scored_tokens", question, lambda: self._ports.scorer.num_scored_tokens(prompts, examples)
        )

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ``Scorer.count_tokens``."""
        return await self._ask(
            "count_tokens", ["count_tokens", list(texts)], lambda: self._ports.scorer.count_tokens(texts)
        )

    async def rewrite(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """Ask the rewriter."""
        question = ["rewrite", [asdict(request) for request in requests]]
        return await self._ask("rewrite", question, lambda: self._ports.rewriter.generate(requests))

    async def answer(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """Ask the target model."""
        question = ["answer", [asdict(request) for request in requests]]
        return await self._ask("answer", question, lambda: self._ports.target.generate(requests))

    async def elapsed_s(self) -> float:
        """Seconds worked; the live clock goes on from the last journaled answer."""
        self._last_s = await self._ask("clock", ["clock"], self._live_s)
        return self._last_s

    async def _live_s(self) -> float:
        now = self._ports.clock.elapsed_s()
        if self._resumed_at_s is None:
            self._resumed_at_s = self._last_s - (now if self._replay else 0.0)
        return max(self._last_s, self._resumed_at_s + now)

    async def _ask(self, kind: str, question: object, live: Callable[[], Awaitable[T]]) -> T:
        self._num_calls += 1
        call = self._num_calls
        digest = digest_of(question)
        entry = self._replay.get(call)
        if entry is not None:
            if (entry.kind, entry.digest) != (kind, digest):
                raise JournalMismatchError(
                    f"call {call} is a {kind} whose question differs from the journaled {entry.kind}: the job changed, "
                    "or another version of the program wrote its journal; submit it as a new job"
                )
            return cast(T, entry.answer)
        answer = await live()
        await self._ports.journal.append(call, kind, digest, answer)
        return answer


def digest_of(question: object) -> str:
    """SHA-256 of a question of plain values."""
    text = json.dumps(question, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(examples: Sequence[Example]) -> list[object]:
    return [
        [item.index, item.input, list(item.targets), dict(item.fields), item.weight, item.answer_prefix]
        for item in examples
    ]
