"""What the routes do: render, admit, batch, answer."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from pmpo.contracts.scoring import (
    ChatChoice,
    ChatCompletionRequest,
    ChatCompletionResponse,
    ChatMessage,
    ModelCard,
    ScoreExample,
    ScoreRequest,
    ScoreResponse,
    Timings,
    TokenizeResponse,
    TokenizeTextsRequest,
    TokensCell,
    Usage,
)
from pmpo.errors import NotFoundError
from services.scorer.admission import Admission
from services.scorer.batcher import Batcher, Sampled, Scored
from services.scorer.engines.base import EngineIdentity, TokenItem
from services.scorer.generation.types import SamplingRequest
from services.scorer.rendering.alignment import Renderer

ANY_MODEL = "default"
_Result = TypeVar("_Result")
_Value = TypeVar("_Value")


class ScorerService:
    """The scorer behind its routes. Rendering has a thread of its own, the engine another."""

    def __init__(self, identity: EngineIdentity, renderer: Renderer, admission: Admission, batcher: Batcher) -> None:
        self._identity = identity
        self._renderer = renderer
        self._admission = admission
        self._batcher = batcher
        self._render_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")

    @property
    def closed_because(self) -> str | None:
        """Why the scorer takes no requests any more; None while it does."""
        return self._batcher.closed_because

    def start(self) -> None:
        """Start the batcher on the running loop."""
        self._batcher.start()

    async def close(self) -> None:
        """Fail what waits and stop."""
        await self._batcher.close()
        self._render_thread.shutdown(wait=False, cancel_futures=True)

    async def score(self, request: ScoreRequest) -> ScoreResponse:
        """Log-likelihoods of all targets of all examples under all prompts."""
        started_at = time.perf_counter()
        items = await self._render(lambda: self._renderer.score_items(request))
        tokenize_s = time.perf_counter() - started_at
        num_tokens = sum(item.num_tokens for item in items)
        with self._admission.reserved(num_tokens):
            scored = await self._batcher.score(items)
        self._admission.observe(num_tokens, scored.compute_s)
        return self._score_response(request, items, scored, tokenize_s)

    async def count_items(self, request: ScoreRequest) -> TokenizeResponse:
        """Context plus target tokens of every item, as ``score`` would report them."""
        counts = await self._render(lambda: self._renderer.count_item_tokens(request))
        return TokenizeResponse(num_tokens=_cells(request, counts))

    async def count_texts(self, request: TokenizeTextsRequest) -> TokenizeResponse:
        """Tokens of each text alone."""
        return TokenizeResponse(num_tokens=await self._render(lambda: self._renderer.count_tokens(request.texts)))

    async def complete(self, request: ChatCompletionRequest, request_id: str) -> ChatCompletionResponse:
        """Sampled answers to a conversation.

        Raises:
            NotFoundError: another model is wanted.
        """
        if request.model not in (None, ANY_MODEL, self._identity.model):
            raise NotFoundError(f"this scorer serves the model '{self._identity.model}', not '{request.model}'")
        prompt = await self._render(lambda: self._renderer.chat_prompt(request))
        sampling = SamplingRequest(
            prompt=prompt,
            num_samples=request.n,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            seed=secrets.randbits(63) if request.seed is None else request.seed,
            stops=request.all_stops,
        )
        with self._admission.reserved(sampling.num_tokens):
            sampled = await self._batcher.sample(sampling)
        return self._chat_response(request_id, len(prompt), sampled)

    def card(self) -> ModelCard:
        """What is served."""
        identity = self._identity
        return ModelCard(
            id=identity.model,
            context_length=identity.context_length,
            engine=identity.engine,
            mode=identity.mode,
            dtype=identity.dtype,
            revision=identity.revision,
            num_parameters=identity.num_parameters,
            peak_memory_bytes=self._batcher.peak_memory_bytes,
        )

    async def _render(self, call: Callable[[], _Result]) -> _Result:
        with self._admission.rendering():
            return await asyncio.get_running_loop().run_in_executor(self._render_thread, call)

    def _score_response(
        self, request: ScoreRequest, items: list[TokenItem], scored: Scored, tokenize_s: float
    ) -> ScoreResponse:
        found = scored.items.token_log_likelihoods
        tokens: list[list[TokensCell]] | None = None
        if request.return_tokens:
            tokens = [*_cells(request, [values.astype(float).tolist() for values in found])]
        return ScoreResponse(
            log_likelihoods=_cells(request, [float(values.sum(dtype=np.float64)) for values in found]),
            num_tokens=_cells(request, [len(values) for values in found]),
            token_log_likelihoods=tokens,
            model=self._identity.model,
            revision=self._identity.revision,
            dtype=self._identity.dtype,
            engine=self._identity.engine,
            timings=Timings(tokenize_s=tokenize_s, queue_s=scored.queue_s, compute_s=scored.compute_s),
            scored_tokens=sum(item.num_tokens for item in items),
            computed_tokens=sum(scored.items.computed_tokens),
        )

    def _chat_response(self, request_id: str, num_prompt_tokens: int, sampled: Sampled) -> ChatCompletionResponse:
        num_sampled = sum(sample.num_tokens for sample in sampled.samples)
        return ChatCompletionResponse(
            id=f"chatcmpl-{request_id}",
            created=int(time.time()),
            model=self._identity.model,
            choices=[
                ChatChoice(
                    index=index,
                    message=ChatMessage(role="assistant", content=sample.text),
                    finish_reason=sample.finish_reason,
                    num_tokens=sample.num_tokens,
                )
                for index, sample in enumerate(sampled.samples)
            ],
            usage=Usage(
                prompt_tokens=num_prompt_tokens,
                completion_tokens=num_sampled,
                total_tokens=num_prompt_tokens + num_sampled,
            ),
        )


def _cells(request: ScoreRequest, values: list[_Value]) -> list[list[_Value | list[_Value]]]:
    """(C, N) cells from values in item order: one value for a ``target``, a list for ``targets``."""
    rest = iter(values)
    return [[_cell(example, rest) for example in request.examples] for _ in request.prompts]


def _cell(example: ScoreExample, rest: Iterator[_Value]) -> _Value | list[_Value]:
    if example.targets is None:
        return next(rest)
    return [next(rest) for _ in example.targets]
