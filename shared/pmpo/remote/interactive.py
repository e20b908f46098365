"""A scorer as it is asked by somebody who waits: the wire's own requests and answers."""

from __future__ import annotations

from typing import Any, TypeVar

import httpx

from pmpo.contracts.scoring import MaskedLossesRequest, MaskedLossesResponse, Measured, ScoreRequest, ScoreResponse
from pmpo.errors import ScorerUnavailableError, UpstreamError
from pmpo.remote.scorer import REMEDY
from pmpo.remote.transport import Peer, RetryPolicy, Upstream
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.http import MAX_QUOTED

View = TypeVar("View", bound=Measured)
# Somebody waits for the answer: one more try, soon, then the caller is told.
WAITED_FOR = RetryPolicy(max_tries=2, first_wait_s=0.2, max_wait_s=1.0)
TIMEOUT_S = 60.0


class InteractiveScorer:
    """One endpoint's scorer. The endpoint's arguments for the chat template stand behind those of a request."""

    def __init__(
        self, http: httpx.AsyncClient, endpoint: Endpoint, *, key: str | None, timeout_s: float = TIMEOUT_S
    ) -> None:
        peer = Peer(endpoint.urls, "scorer", ScorerUnavailableError, REMEDY, key)
        self._upstream = Upstream(http, peer, timeout_s=timeout_s, policy=WAITED_FOR)
        self._where = f"the scorer at {' or '.join(endpoint.urls)}"
        self._template = endpoint.chat_template_kwargs

    async def score(self, request: ScoreRequest) -> ScoreResponse:
        """Every prompt on every example.

        Raises:
            InvalidInputError: the scorer refuses it; the message says where and why.
            ScorerUnavailableError: no connection or no answer in time.
            UpstreamError: an answer of another form.
        """
        return self._read(ScoreResponse, await self._upstream.post("/v1/score", self._body(request)))

    async def masked_losses(self, request: MaskedLossesRequest) -> MaskedLossesResponse:
        """The losses with and without each span. Raises as ``score`` does."""
        return self._read(MaskedLossesResponse, await self._upstream.post("/v1/masked-losses", self._body(request)))

    def _body(self, request: ScoreRequest | MaskedLossesRequest) -> dict[str, Any]:
        arguments = {**self._template, **request.chat_template_kwargs}
        return {**request.model_dump(exclude_unset=True), **({"chat_template_kwargs": arguments} if arguments else {})}

    def _read(self, view: type[View], answer: Any) -> View:
        try:
            return view.model_validate(answer)
        except ValueError as error:
            reason = " ".join(str(error).split())[:MAX_QUOTED]
            raise UpstreamError(
                f"{self._where} gave an answer that is no {view.__name__} ({reason}); see whether it is a scorer of "
                "this version"
            ) from None
