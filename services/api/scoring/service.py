"""What the interactive routes mean: a bounded question to the scorer of an endpoint. Nothing is saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pmpo.contracts.interactive import AnalyzeCall, AnalyzeView, ScoreCall, ScoreView
from pmpo.contracts.scoring import MaskedLossesRequest, MaskedLossesResponse, ScoreRequest, ScoreResponse
from pmpo.runs.interactive import analyze_view, masked_request, score_request, score_view
from pmpo.runtime.endpoints import Endpoint, endpoint


class AskedScorer(Protocol):
    """A scorer as somebody who waits asks it."""

    async def score(self, request: ScoreRequest) -> ScoreResponse:
        """Every prompt on every example. Raises PmpoError."""
        ...

    async def masked_losses(self, request: MaskedLossesRequest) -> MaskedLossesResponse:
        """The losses with and without each span. Raises PmpoError."""
        ...


class ScoringService:
    """Scores and analyses by the names of the endpoint table."""

    def __init__(self, table: Mapping[str, Endpoint], connect: Callable[[Endpoint], AskedScorer]) -> None:
        self._table = table
        self._connect = connect

    async def score(self, call: ScoreCall) -> ScoreView:
        """Log-likelihoods and losses of a few prompts on a few rows.

        Raises:
            InvalidInputError: an unknown endpoint, or a question that is too large or cannot be scored.
            ScorerUnavailableError: no answer from the scorer.
        """
        scorer = self._connect(endpoint(self._table, call.model))
        return score_view(call, await scorer.score(score_request(call)))

    async def analyze(self, call: AnalyzeCall) -> AnalyzeView:
        """What each part of a prompt is worth. Raises as ``score`` does."""
        scorer = self._connect(endpoint(self._table, call.model))
        return analyze_view(call, await scorer.masked_losses(masked_request(call)))
