"""``pmpo.optim.ports.Generator`` over HTTP: any OpenAI-compatible server, our scorer among them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from pmpo.contracts.scoring import TemplateValue
from pmpo.errors import GeneratorUnavailableError, InvalidInputError, UpstreamError
from pmpo.optim.types import Completion, GenerationRequest
from pmpo.remote.answers import num_choices, read_completions
from pmpo.remote.forms import Chat, Form, Plain
from pmpo.remote.breaker import Breakers
from pmpo.remote.transport import DEFAULT_POLICY, Peer, RetryPolicy, Upstream
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.tasks import all_of

MAX_CONCURRENT = 8
MAX_SEED = 2**63
REMEDY = "start it (ours: `python -m services.scorer` or `pmpo up`), or correct PMPO_ENDPOINTS"


class GeneratorClient:
    """Sends one HTTP request for each generation request, at most 8 at once.

    Many servers refuse to write several samples at a time, or write one all the same: from such an answer on each
    sample is a request of its own, with a seed of its own, and the prompt is counted as often as it was read.

    Args:
        http: shared between the ports of a process; see ``open_http``.
        endpoint: where the server is, its route, and the model's name there.
        timeout_s: deadline of one try.
        key: sent as a bearer token.
        chat_template_kwargs: for the model's chat template, with every conversation.
        policy: retries.
        job: whose calls these are: a scorer lets jobs take turns.
        breakers: those of the process.
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
        breakers: Breakers | None = None,
    ) -> None:
        peer = Peer(endpoint.generate_urls, "generator", GeneratorUnavailableError, REMEDY, key, job)
        self._upstream = Upstream(http, peer, timeout_s=timeout_s, policy=policy, breakers=breakers)
        self._where = f"the generator at {' or '.join(endpoint.generate_urls)}"
        self._model = endpoint.model
        self._is_plain = endpoint.generate_api == "completions"
        self._template = dict(chat_template_kwargs or {})
        self._room = asyncio.Semaphore(MAX_CONCURRENT)
        self._takes_several = True
        self._asking = asyncio.Lock()
        self._is_ours: bool | None = None

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """``num_samples`` completions for each request, in order. The first failure cancels the others.

        Raises:
            GeneratorUnavailableError: no connection or no answer in time.
            UpstreamError: an answer of another shape than asked for.
            PmpoError: what the server refused, as the class that it raised.
        """
        return await all_of(self._samples(request) for request in requests)

    async def _samples(self, request: GenerationRequest) -> list[Completion]:
        form = await self._form(request)
        if request.num_samples == 1 or not self._takes_several:
            return await self._one_by_one(form, request, [])
        try:
            answer = await self._ask(form, request)
        except UpstreamError as refusal:
            return await self._after_refusal(form, request, refusal)
        if num_choices(answer) != 1:
            return read_completions(answer, request, self._where, form.text_of)
        self._takes_several = False
        return await self._one_by_one(
            form, request, read_completions(answer, _only(request, 0), self._where, form.text_of)
        )

    async def _after_refusal(self, form: Form, request: GenerationRequest, refusal: UpstreamError) -> list[Completion]:
        """Was it the number of samples? Then one alone is written, and the others as well."""
        try:
            first = await self._sample(form, request, 0)
        except UpstreamError:
            raise refusal from None
        self._takes_several = False
        return await self._one_by_one(form, request, [first])

    async def _one_by_one(
        self, form: Form, request: GenerationRequest, known: Sequence[Completion]
    ) -> list[Completion]:
        missing = range(len(known), request.num_samples)
        found = [*known, *await all_of(self._sample(form, request, index) for index in missing)]
        num_read = sum(completion.num_prompt_tokens for completion in found)
        return [replace(completion, num_prompt_tokens=num_read) for completion in found]

    async def _sample(self, form: Form, request: GenerationRequest, index: int) -> Completion:
        alone = _only(request, index)
        (completion,) = read_completions(await self._ask(form, alone), alone, self._where, form.text_of)
        return completion

    async def _ask(self, form: Form, request: GenerationRequest) -> Any:
        async with self._room:
            return await self._upstream.post(form.path, form.body(request, self._model))

    async def _form(self, request: GenerationRequest) -> Form:
        if not self._is_plain:
            is_ours = bool(request.answer_prefix) and await self._serves_ours()
            return Chat(self._template, is_ours=is_ours)
        if self._template:
            raise InvalidInputError(
                f"chat_template_kwargs: {self._where} writes plain text (generate_api: completions), where no template "
                "reads them; leave them out"
            )
        return Plain()

    async def _serves_ours(self) -> bool:
        """Whether the server is a scorer of ours, by its list of models; asked once."""
        async with self._asking:
            if self._is_ours is None:
                try:
                    listed = await self._upstream.get("/v1/models")
                    self._is_ours = listed["data"][0]["owned_by"] == "pmpo"
                except (UpstreamError, LookupError, TypeError):
                    self._is_ours = False
            return self._is_ours


def _only(request: GenerationRequest, index: int) -> GenerationRequest:
    """One sample of a request, by a seed that follows from the request's and the index; the first has the request's."""
    return replace(request, num_samples=1, seed=(request.seed + index) % MAX_SEED)
