"""``pmpo.optim.ports.Scorer`` over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import httpx

from pmpo.contracts.scoring import ScoreExample, ScoreRequest, TemplateValue, TokenizeTextsRequest
from pmpo.errors import InvalidInputError, ModelChangedError, ScorerUnavailableError, TooLongError
from pmpo.optim.types import Example, ModelIdentity, Scores
from pmpo.remote.answers import ServedModel, read_cell_counts, read_scores, read_served_model, read_text_counts
from pmpo.remote.breaker import Breakers
from pmpo.remote.parts import joined, parts_of
from pmpo.remote.transport import DEFAULT_POLICY, WHEN_SLOW, Peer, RetryPolicy, Upstream
from pmpo.runtime.endpoints import Endpoint

T = TypeVar("T")

MAX_TOKENIZED_CELLS = 2_000
MAX_TOKENIZED_TEXTS = 256
REMEDY = "start it with `python -m services.scorer` or `pmpo up`, or correct PMPO_ENDPOINTS"


class ScorerClient:
    """One job's scorer: every answer must come from the identity of the first.

    Args:
        http: shared between the ports of a process; see ``open_http``.
        endpoint: where the scorer is.
        timeout_s: deadline of one try.
        key: sent as a bearer token.
        identity: the job's first identity, when a journal already holds one.
        chat_template_kwargs: for the model's chat template, with every conversation.
        policy: retries.
        job: whose calls these are: a scorer lets jobs take turns.
        breakers: those of the process.
        when_slow: the end of the sentence about an answer that took too long.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        endpoint: Endpoint,
        *,
        timeout_s: float,
        key: str | None = None,
        identity: ModelIdentity | None = None,
        chat_template_kwargs: Mapping[str, TemplateValue] | None = None,
        policy: RetryPolicy = DEFAULT_POLICY,
        job: str | None = None,
        breakers: Breakers | None = None,
        when_slow: str = WHEN_SLOW,
    ) -> None:
        peer = Peer(endpoint.urls, "scorer", ScorerUnavailableError, REMEDY, key, job, when_slow)
        self._upstream = Upstream(http, peer, timeout_s=timeout_s, policy=policy, breakers=breakers)
        self._where = f"the scorer at {' or '.join(endpoint.urls)}"
        self._identity = identity
        self._template = {"chat_template_kwargs": dict(chat_template_kwargs)} if chat_template_kwargs else {}

    @property
    def identity(self) -> ModelIdentity | None:
        """What the job's scores come from; None before the first answer."""
        return self._identity

    async def ask_model(self) -> ServedModel:
        """What the scorer serves now, asked for without scoring anything; it must be the job's own, as with scores.

        Raises:
            ModelChangedError: another model, revision, dtype or engine than the job's first.
            UpstreamError: an answer of another form.
            ScorerUnavailableError: no connection or no answer in time.
        """
        served = read_served_model(await self._upstream.get("/v1/models"), self._where)
        self._check_identity(served.identity)
        return served

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """Every prompt on every example: (C, N), in one request, or in several when the scorer could not hold it.

        Raises:
            ModelChangedError: another model, revision, dtype or engine than the job's first.
            NonFiniteScoreError: a log-likelihood that is no number, infinite or above zero.
            UpstreamError: an answer of another shape than asked for.
            ScorerUnavailableError: no connection or no answer in time.
        """
        bands = []
        for parts in parts_of(prompts, examples):
            bands.append(
                [await self._score_part(_at(prompts, rows), _at(examples, columns)) for rows, columns in parts]
            )
        return joined(bands)

    async def _score_part(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        answer = await self._upstream.post("/v1/score", self._body(prompts, examples))
        scores = read_scores(answer, prompts, examples, self._where)
        self._check_identity(scores.identity)
        return scores

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """(C, N) context plus target tokens, asked for in batches of at most 2,000 cells.

        Raises:
            TooLongError: a prompt and an example exceed the model's context; names the example's row.
        """
        counts: list[list[int]] = [[] for _ in prompts]
        for columns in _chunks(examples, MAX_TOKENIZED_CELLS):
            start = 0
            for rows in _chunks(prompts, max(1, MAX_TOKENIZED_CELLS // len(columns))):
                for offset, row in enumerate(await self._cell_counts(rows, columns)):
                    counts[start + offset].extend(row)
                start += len(rows)
        return counts

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone, asked for in batches of at most 256."""
        counts: list[int] = []
        for chunk in _chunks(texts, MAX_TOKENIZED_TEXTS):
            body = TokenizeTextsRequest(texts=list(chunk)).model_dump()
            counts += read_text_counts(await self._upstream.post("/v1/tokenize", body), len(chunk), self._where)
        return counts

    async def _cell_counts(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """One batch. The scorer names an item by its place in the request; on the way out it is named by its row."""
        try:
            answer = await self._upstream.post("/v1/tokenize", self._body(prompts, examples))
        except TooLongError as error:
            if len(examples) > 1:  # look for it in halves: the first one that is too long raises
                middle = len(examples) // 2
                await self._cell_counts(prompts, examples[:middle])
                await self._cell_counts(prompts, examples[middle:])
                raise
            said = re.sub(r"^prompt \d+ with example \d+ ", "", str(error))
            raise TooLongError(f"the prompt with row {examples[0].index} (from 0) of the data {said}") from None
        return read_cell_counts(answer, prompts, examples, self._where)

    def _body(self, prompts: Sequence[str], examples: Sequence[Example]) -> dict[str, Any]:
        return {**_body(prompts, examples), **self._template}

    def _check_identity(self, found: ModelIdentity) -> None:
        if self._identity is None:
            self._identity = found
        if found != self._identity:
            raise ModelChangedError(
                f"{self._where} now serves {_words(found)}, and this job began with {_words(self._identity)}; "
                "scores of the two cannot be compared: start the first one again, or submit a new job"
            )


def _body(prompts: Sequence[str], examples: Sequence[Example]) -> dict[str, Any]:
    """The body of a score or a count. Raises InvalidInputError: a request has one beginning for all its answers."""
    prefixes = {example.answer_prefix for example in examples}
    if len(prefixes) > 1:
        raise InvalidInputError(f"the examples of one request begin their answers in {len(prefixes)} ways; give one")
    rows = [_example(example) for example in examples]
    body = ScoreRequest(prompts=list(prompts), examples=rows).model_dump(exclude_unset=True)
    prefix = "".join(prefixes)
    return {**body, "answer_prefix": prefix} if prefix else body


def _example(example: Example) -> ScoreExample:
    fields = {**example.fields, "input": example.input}
    if len(example.targets) == 1:
        return ScoreExample(fields=fields, target=example.target)
    return ScoreExample(fields=fields, targets=list(example.targets))


def _at(items: Sequence[T], where: range) -> Sequence[T]:
    return items[where.start : where.stop]


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _words(identity: ModelIdentity) -> str:
    return f"{identity.model} ({identity.revision}, {identity.dtype}, {identity.engine})"
