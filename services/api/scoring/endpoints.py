"""The routes of scores and analyses."""

from __future__ import annotations

from fastapi import APIRouter

from pmpo.contracts.interactive import AnalyzeCall, AnalyzeView, ScoreCall, ScoreView
from services.api.callers import Reader
from services.api.deps import Scoring

router = APIRouter(prefix="/v1", tags=["scoring"])


@router.post("/score", response_model_exclude_none=True)
async def score(call: ScoreCall, _caller: Reader, scoring: Scoring) -> ScoreView:
    """Log-likelihoods and losses of a few prompts on a few rows, while the caller waits."""
    return await scoring.score(call)


@router.post("/analyze", response_model_exclude_none=True)
async def analyze(call: AnalyzeCall, _caller: Reader, scoring: Scoring) -> AnalyzeView:
    """What each sentence or list item of a prompt is worth on a few rows, while the caller waits."""
    return await scoring.analyze(call)
