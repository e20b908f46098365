"""``pmpo.optim.ports.Generator`` over HTTP: any OpenAI-compatible chat server, our scorer among them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from pmpo.contracts.scoring import ChatCompletionRequest, ChatMessage, TemplateValue
from pmpo.errors import GeneratorUnavailableError
from pmpo.optim.types import Completion, GenerationRequest
from pmpo.remote.answers import read_completions
from pmpo.remote.transport import DEFAULT_POLICY, Peer, RetryPolicy, Upstream
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.tasks import all_of

MAX_CONCURRENT = 8
REMEDY = "start it (ours: `python -m services.scorer` or `pmpo up`), or correct PMPO_ENDPOINTS"


class GeneratorClient:
    """Sends one HTTP request for each generation request, at most 8 at once.

    Args:
        http: shared between the ports of a process; see ``open_http``.
        endpoint: where the server is, and the model's name there.
        timeout_s: deadline of one try.
        key: sent as a bearer token.
        chat_template_kwargs: for the model's chat template, with every conversation.
        policy: retries.
        job: whose calls these are: a scorer lets jobs take turns.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        endpoint: Endpoint,
        *,
        timeout_s: float,
        key: str | None = None,
        chat_template_kwargs: Mapping[str, TemplateValue] | None = None,
        policy: RetryPolicy = DEFAULT_POLICY,
        job: str | None = None,
    ) -> None:
        peer = Peer(endpoint.generate_url, "generator", GeneratorUnavailableError, REMEDY, key, job)
        self._upstream = Upstream(http, peer, timeout_s=timeout_s, policy=policy)
        self._where = f"the generator at {endpoint.generate_url}"
        self._model = endpoint.model
        self._template = {"chat_template_kwargs": dict(chat_template_kwargs)} if chat_template_kwargs else {}
        self._room = asyncio.Semaphore(MAX_CONCURRENT)

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """``num_samples`` completions for each request, in order. The first failure cancels the others.

        Raises:
            GeneratorUnavailableError: no connection or no answer in time.
            UpstreamError: an answer of another shape than asked for.
            PmpoError: what the server refused, as the class that it raised.
        """
        return await all_of(self._one(request) for request in requests)

    async def _one(self, request: GenerationRequest) -> list[Completion]:
        async with self._room:
            body = {**_body(request, self._model), **self._template}
            answer = await self._upstream.post("/v1/chat/completions", body)
        return read_completions(answer, request, self._where)


def _body(request: GenerationRequest, model: str | None) -> dict[str, Any]:
    """Only what was asked for: other servers refuse keys that they do not know."""
    body = ChatCompletionRequest(
        model=model,
        messages=[
            ChatMessage.model_validate({"role": turn.role, "content": turn.content}) for turn in request.messages
        ],
        n=request.num_samples,
        temperature=request.temperature,
        top_p=request.top_p,
        max_tokens=request.max_tokens,
        seed=request.seed,
        stop=list(request.stop) or None,
        answer_prefix=request.answer_prefix or None,
    )
    return body.model_dump(exclude_none=True, exclude_unset=True)
