"""A scorer as it is asked by somebody who waits: the wire's own requests and answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from pmpo.contracts.scoring import (
    FloatCell,
    IntCell,
    MaskedLossesRequest,
    MaskedLossesResponse,
    Measured,
    ScoreRequest,
    ScoreResponse,
)
from pmpo.errors import ScorerUnavailableError, UpstreamError
from pmpo.remote.scorer import REMEDY
from pmpo.remote.transport import Peer, RetryPolicy, Upstream
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.http import MAX_QUOTED

View = TypeVar("View", bound=Measured)
# Somebody waits for the answer: one more try, soon, then the caller is told.
WAITED_FOR = RetryPolicy(max_tries=2, first_wait_s=0.2, max_wait_s=1.0)
TIMEOUT_S = 60.0
WHEN_SLOW = "; give fewer prompts, units or rows, or submit a job"


class InteractiveScorer:
    """One endpoint's scorer. The endpoint's arguments for the chat template stand behind those of a request."""

    def __init__(
        self, http: httpx.AsyncClient, endpoint: Endpoint, *, key: str | None, timeout_s: float = TIMEOUT_S
    ) -> None:
        peer = Peer(endpoint.urls, "scorer", ScorerUnavailableError, REMEDY, key, when_slow=WHEN_SLOW)
        self._upstream = Upstream(http, peer, timeout_s=timeout_s, policy=WAITED_FOR)
        self._where = f"the scorer at {' or '.join(endpoint.urls)}"
        self._template = endpoint.chat_template_kwargs

    async def score(self, request: ScoreRequest) -> ScoreResponse:
        """Every prompt on every example.

        Raises:
            InvalidInputError: the scorer refuses it; the message says where and why.
            ScorerUnavailableError: no connection or no answer in time.
            UpstreamError: an answer of another form, or to another number of prompts, rows or targets.
        """
        answer = await self._upstream.post("/v1/score", self._body(request))
        return self._read(ScoreResponse, answer, lambda read: _has_scores(request, read))

    async def masked_losses(self, request: MaskedLossesRequest) -> MaskedLossesResponse:
        """The losses with and without each span. Raises as ``score`` does."""
        answer = await self._upstream.post("/v1/masked-losses", self._body(request))
        return self._read(MaskedLossesResponse, answer, lambda read: _has_losses(request, read))

    def _body(self, request: ScoreRequest | MaskedLossesRequest) -> dict[str, Any]:
        arguments = {**self._template, **request.chat_template_kwargs}
        return {**request.model_dump(exclude_unset=True), **({"chat_template_kwargs": arguments} if arguments else {})}

    def _read(self, view: type[View], answer: Any, fits: Callable[[View], bool]) -> View:
        try:
            read = view.model_validate(answer)
        except ValueError as error:
            raise self._no_answer(view, str(error)) from None
        if not fits(read):
            raise self._no_answer(view, "it has other numbers of prompts, rows, targets or tokens than were asked for")
        return read

    def _no_answer(self, view: type[Measured], reason: str) -> UpstreamError:
        return UpstreamError(
            f"{self._where} gave an answer that is no {view.__name__} ({' '.join(reason.split())[:MAX_QUOTED]}); see "
            "whether it is a scorer of this version"
        )


def _has_scores(request: ScoreRequest, answer: ScoreResponse) -> bool:
    """Whether there is a cell for each prompt and row, of one value or of as many as the row has targets."""
    widths = [None if row.targets is None else len(row.targets) for row in request.examples]
    wanted = [widths] * len(request.prompts)
    sums = [[_width(cell) for cell in row] for row in answer.log_likelihoods]
    counts = [[_width(cell) for cell in row] for row in answer.num_tokens]
    if sums != wanted or counts != wanted:
        return False
    return all(min(cell) > 0 if isinstance(cell, list) else cell > 0 for row in answer.num_tokens for cell in row)


def _width(cell: FloatCell | IntCell) -> int | None:
    """How many values a cell has; None for one that stands bare."""
    return len(cell) if isinstance(cell, list) else None


def _has_losses(request: MaskedLossesRequest, answer: MaskedLossesResponse) -> bool:
    """Whether there is a loss for each row, and for each span with each row."""
    num_spans, num_rows = len(request.spans), len(request.examples)
    by_row = [len(answer.baseline), len(answer.num_tokens), *map(len, answer.masked)]
    by_span = [len(answer.masked), len(answer.delta), len(answer.standard_error)]
    return set(by_row) == {num_rows} and set(by_span) == {num_spans}
