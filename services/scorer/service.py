"""What the routes do: render, admit, batch, answer."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from pmpo.contracts.scoring import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    MaskedLossesRequest,
    MaskedLossesResponse,
    ModelCard,
    ScoreRequest,
    ScoreResponse,
    TokenizeResponse,
    TokenizeTextsRequest,
)
from pmpo.errors import NotFoundError
from pmpo.runtime.metrics import ScorerMetrics
from services.scorer.admission import Admission
from services.scorer.answers import ScoredRequest, cells, chat_response, masked_response, score_response
from services.scorer.batcher.batcher import Batcher
from services.scorer.batcher.items import ItemPreparer
from services.scorer.batcher.types import Trouble
from services.scorer.generation.types import SamplingRequest
from services.scorer.masking import score_request, told_by_span
from services.scorer.rendering.alignment import Renderer
from services.scorer.turns import Turns

ANY_MODEL = "default"
_Body = TypeVar("_Body")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Answered(Generic[_Body]):
    """An answer, and the seconds of the stages that it took, by name."""

    body: _Body
    stages: dict[str, float]


class ScorerService:
    """The scorer behind its routes. Rendering has a thread of its own, the engine another.

    Everywhere, ``job`` says whose turn a request takes where it has to wait.

    Attributes:
        card: what is served.
    """

    def __init__(
        self,
        card: ModelCard,
        renderer: Renderer,
        preparer: ItemPreparer,
        admission: Admission,
        batcher: Batcher,
        *,
        metrics: ScorerMetrics,
    ) -> None:
        self.card = card
        self._renderer = renderer
        self._preparer = preparer
        self._admission = admission
        self._batcher = batcher
        self._metrics = metrics
        self._turns = Turns()
        self._render_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")

    @property
    def trouble(self) -> Trouble | None:
        """Why the scorer takes no requests now; None while it does."""
        return self._batcher.trouble

    def start(self) -> None:
        """Start the batcher on the running loop."""
        self._batcher.start()

    async def close(self) -> None:
        """Fail what waits and stop."""
        await self._batcher.close()
        self._render_thread.shutdown(wait=False, cancel_futures=True)

    async def score(self, request: ScoreRequest, job: str) -> Answered[ScoreResponse]:
        """Log-likelihoods of all targets of all examples under all prompts."""
        scored = await self._score(request, job)
        return Answered(score_response(self.card, request, scored), _stages(scored))

    async def masked_losses(self, request: MaskedLossesRequest, job: str) -> Answered[MaskedLossesResponse]:
        """Losses of a prompt and of its masked variants, all scored as one request."""
        asked = score_request(request)
        with told_by_span():
            scored = await self._score(asked, job)
        return Answered(masked_response(self.card, asked, scored), _stages(scored))

    async def count_items(self, request: ScoreRequest, job: str) -> Answered[TokenizeResponse]:
        """Context plus target tokens of every item, as ``score`` would report them."""
        counts, tokenize_s = await self._render(job, lambda: self._renderer.count_item_tokens(request))
        return Answered(TokenizeResponse(num_tokens=cells(request, counts)), {"tokenize": tokenize_s})

    async def count_texts(self, request: TokenizeTextsRequest, job: str) -> Answered[TokenizeResponse]:
        """Tokens of each text alone."""
        counts, tokenize_s = await self._render(job, lambda: self._renderer.count_tokens(request.texts))
        return Answered(TokenizeResponse(num_tokens=counts), {"tokenize": tokenize_s})

    async def complete(
        self, request: ChatCompletionRequest, job: str, request_id: str
    ) -> Answered[ChatCompletionResponse]:
        """Sampled answers to a conversation.

        Raises:
            NotFoundError: another model is wanted.
        """
        if request.model not in (None, ANY_MODEL, self.card.id):
            raise NotFoundError(f"this scorer serves the model '{self.card.id}', not '{request.model}'")
        prompt, tokenize_s = await self._render(job, lambda: self._renderer.chat_prompt(request))
        sampling = _sampling_request(request, prompt)
        with self._admission.reserved(sampling.num_tokens, job):
            sampled = await self._batcher.sample(sampling, job)
        self._metrics.generated(sum(sample.num_tokens for sample in sampled.samples))
        stages = {"tokenize": tokenize_s, "queue": sampled.queue_s, "compute": sampled.compute_s}
        return Answered(chat_response(self.card, request_id, len(prompt), sampled.samples), stages)

    def described(self) -> ModelCard:
        """The card, with what changes while the service runs."""
        return self.card.model_copy(update={"peak_memory_bytes": self._batcher.peak_memory_bytes})

    async def _score(self, request: ScoreRequest, job: str) -> ScoredRequest:
        prepared, tokenize_s = await self._render(
            job, lambda: self._preparer.prepare(self._renderer.score_items(request))
        )
        with self._admission.reserved(prepared.num_tokens, job):
            scored = await self._batcher.score(prepared, job)
        self._metrics.scored(prepared.num_tokens, scored.cached_tokens)
        return ScoredRequest(scored, prepared.num_tokens, tokenize_s)

    async def _render(self, job: str, call: Callable[[], _Result]) -> tuple[_Result, float]:
        """The call's result and the seconds until it was there, waiting included."""
        started_at = time.perf_counter()
        with self._admission.rendering():
            async with self._turns.turn(job):
                result = await asyncio.get_running_loop().run_in_executor(self._render_thread, call)
        return result, time.perf_counter() - started_at


def _stages(scored: ScoredRequest) -> dict[str, float]:
    return {"tokenize": scored.tokenize_s, "queue": scored.scored.queue_s, "compute": scored.scored.compute_s}


def _sampling_request(request: ChatCompletionRequest, prompt: tuple[int, ...]) -> SamplingRequest:
    return SamplingRequest(
        prompt=prompt,
        num_samples=request.n,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=secrets.randbits(63) if request.seed is None else request.seed,
        stops=request.all_stops,
    )
