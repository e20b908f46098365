"""Answers as they go over the wire, from what was scored and sampled."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from pmpo.contracts.scoring import (
    ChatChoice,
    ChatCompletionResponse,
    ChatMessage,
    MaskedLossesResponse,
    ModelCard,
    ScoreExample,
    ScoreRequest,
    ScoreResponse,
    Timings,
    TokensCell,
    Usage,
)
from services.scorer.batcher.types import Scored
from services.scorer.engines.base import FloatArray
from services.scorer.generation.types import Sample
from services.scorer.masking import losses_of

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class ScoredRequest:
    """The scores of a request's items, in order, and what they took."""

    scored: Scored
    scored_tokens: int
    tokenize_s: float

    @property
    def found(self) -> tuple[FloatArray, ...]:
        """Log-likelihoods of each item's target tokens."""
        return self.scored.items.token_log_likelihoods

    @property
    def sums(self) -> list[float]:
        """Log-likelihood of each item's target."""
        return [float(values.sum(dtype=np.float64)) for values in self.found]

    @property
    def counts(self) -> list[int]:
        """Target tokens of each item."""
        return [len(values) for values in self.found]

    @property
    def computed_tokens(self) -> int:
        """Tokens that the engine ran for this request."""
        return sum(self.scored.items.computed_tokens)

    @property
    def timings(self) -> Timings:
        """Seconds of each stage."""
        return Timings(tokenize_s=self.tokenize_s, queue_s=self.scored.queue_s, compute_s=self.scored.compute_s)


def score_response(card: ModelCard, request: ScoreRequest, scored: ScoredRequest) -> ScoreResponse:
    """The answer of ``POST /v1/score``."""
    tokens: list[list[TokensCell]] | None = None
    if request.return_tokens:
        tokens = [*cells(request, [values.astype(float).tolist() for values in scored.found])]
    return ScoreResponse(
        log_likelihoods=cells(request, scored.sums),
        num_tokens=cells(request, scored.counts),
        token_log_likelihoods=tokens,
        **_measured(card, scored),
    )


def masked_response(card: ModelCard, request: ScoreRequest, scored: ScoredRequest) -> MaskedLossesResponse:
    """The answer of ``POST /v1/masked-losses``, from the request that ``masking.score_request`` made of it."""
    num, sums = len(request.examples), scored.sums
    rows = [sums[start : start + num] for start in range(0, len(sums), num)]
    losses = losses_of(rows, scored.counts[:num], [example.weight for example in request.examples])
    return MaskedLossesResponse(
        baseline=losses.baseline,
        masked=losses.masked,
        num_tokens=scored.counts[:num],
        delta=losses.delta,
        standard_error=losses.standard_error,
        **_measured(card, scored),
    )


def _measured(card: ModelCard, scored: ScoredRequest) -> dict[str, Any]:
    """The fields of ``pmpo.contracts.scoring.Measured``."""
    return {
        "model": card.id,
        "revision": card.revision,
        "dtype": card.dtype,
        "engine": card.engine,
        "timings": scored.timings,
        "scored_tokens": scored.scored_tokens,
        "computed_tokens": scored.computed_tokens,
        "estimate": card.estimate,
    }


def chat_response(
    card: ModelCard, request_id: str, num_prompt_tokens: int, samples: Sequence[Sample]
) -> ChatCompletionResponse:
    """The answer of ``POST /v1/chat/completions``."""
    num_sampled = sum(sample.num_tokens for sample in samples)
    return ChatCompletionResponse(
        id=f"chatcmpl-{request_id}",
        created=int(time.time()),
        model=card.id,
        choices=[
            ChatChoice(
                index=index,
                message=ChatMessage(role="assistant", content=sample.text),
                finish_reason=sample.finish_reason,
                num_tokens=sample.num_tokens,
            )
            for index, sample in enumerate(samples)
        ],
        usage=Usage(
            prompt_tokens=num_prompt_tokens,
            completion_tokens=num_sampled,
            total_tokens=num_prompt_tokens + num_sampled,
        ),
    )


def cells(request: ScoreRequest, values: list[_Value]) -> list[list[_Value | list[_Value]]]:
    """(C, N) cells from values in item order: one value for a ``target``, a list for ``targets``."""
    rest = iter(values)
    return [[_cell(example, rest) for example in request.examples] for _ in request.prompts]


def _cell(example: ScoreExample, rest: Iterator[_Value]) -> _Value | list[_Value]:
    if example.targets is None:
        return next(rest)
    return [next(rest) for _ in example.targets]
