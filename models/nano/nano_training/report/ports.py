"""The optimizer's ports over nano in this process: the slow, plain way, with nothing between."""

from __future__ import annotations

import time
from collections.abc import Sequence

from nano_training.scoring import Scorer
from pmpo.optim.types import Completion, Example, GenerationRequest, ModelIdentity, Scores

IDENTITY = ModelIdentity("nano", "local", "float32", "transformers")


class LocalScorer:
    """``pmpo.optim.ports.Scorer``; a prompt is the system message."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """Every prompt on every example."""
        cases = [([("system", prompt), ("user", row.input)], row.target) for prompt in prompts for row in examples]
        nats = iter(self._scorer.score(cases))
        lengths = [len(self._scorer.target_ids(row.target)) for row in examples]
        sums = tuple(tuple((-next(nats).nats * length,) for length in lengths) for _ in prompts)
        counts = tuple(tuple((length,) for length in lengths) for _ in prompts)
        total = sum(map(sum, await self.num_scored_tokens(prompts, examples)))
        return Scores(sums, counts, total, total, IDENTITY)

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """Context plus target tokens."""
        return [
            [
                len(self._scorer.context_ids([("system", prompt), ("user", row.input)]))
                + len(self._scorer.target_ids(row.target))
                for row in examples
            ]
            for prompt in prompts
        ]

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone."""
        return [len(self._scorer.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]


class LocalGenerator:
    """``pmpo.optim.ports.Generator`` by sampling at temperature 1."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """Completions of each request, in order."""
        answers = []
        for request in requests:
            turns = [(message.role, message.content) for message in request.messages]
            texts = self._scorer.sample(turns, request.num_samples, request.max_tokens, request.seed)
            answers.append([self._completion(text, request.max_tokens) for text in texts])
        return answers

    def _completion(self, text: str, max_tokens: int) -> Completion:
        num_tokens = min(max_tokens, len(self._scorer.target_ids(text)))
        return Completion(text, num_tokens, "stop" if num_tokens < max_tokens else "length")


class WallClock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()

    def elapsed_s(self) -> float:
        """Never falls."""
        return time.monotonic() - self._started_at


class NoJournal:
    """Forgets every answer: these runs are short and are not resumed."""

    async def append(self, call: int, kind: str, digest: str, answer: object) -> None:
        """Nothing is kept."""
