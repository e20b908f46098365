"""The scorer's routes. Each is a call of the service; errors become problems in ``app``."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, TypeVar

from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import BaseModel

from pmpo.contracts.scoring import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    ModelList,
    ScoreRequest,
    ScoreResponse,
    TokenizeRequest,
    TokenizeResponse,
    TokenizeTextsRequest,
)
from pmpo.errors import ScorerUnavailableError
from services.scorer.service import ScorerService
from services.scorer.startup import ServiceSlot

LOADING_RETRY_S = 2.0
CLIENT_CLOSED_REQUEST = 499
_Answer = TypeVar("_Answer", bound=BaseModel)

router = APIRouter()


def ready_service(request: Request) -> ScorerService:
    """The service.

    Raises:
        ScorerUnavailableError: the model is being loaded, or the engine has failed for good.
    """
    slot: ServiceSlot = request.app.state.slot
    if slot.service is None:
        raise ScorerUnavailableError("the scorer is loading its model; try again soon", retry_after_s=LOADING_RETRY_S)
    if slot.service.closed_because is not None:
        raise ScorerUnavailableError(slot.service.closed_because)
    return slot.service


Service = Annotated[ScorerService, Depends(ready_service)]


@router.post("/v1/score", response_model=ScoreResponse)
async def score(request: Request, body: ScoreRequest, service: Service) -> Response:
    """Log-likelihood of every target under every prompt."""
    return await _answer(request, service.score(body))


@router.post("/v1/tokenize", response_model=TokenizeResponse)
async def tokenize(request: Request, body: Annotated[TokenizeRequest, Body()], service: Service) -> Response:
    """Token counts of a score body's items, or of texts alone."""
    if isinstance(body, TokenizeTextsRequest):
        return await _answer(request, service.count_texts(body))
    return await _answer(request, service.count_items(body))


@router.post("/v1/chat/completions", response_model=ChatCompletionResponse)
async def complete(request: Request, body: ChatCompletionRequest, service: Service) -> Response:
    """Sampled answers, OpenAI-compatible."""
    return await _answer(request, service.complete(body, request.state.request_id))


@router.get("/v1/models")
async def models(service: Service) -> ModelList:
    """What is served."""
    return ModelList(data=[service.card()])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(service: Service) -> dict[str, str]:
    """The model is loaded, has passed its check and has not failed since; a problem with status 503 otherwise."""
    return {"status": "ready", "model": service.card().id}


async def _answer(request: Request, work: Coroutine[None, None, _Answer]) -> Response:
    """The work's answer as JSON. When the caller hangs up the work is cancelled, so that it costs nothing any more."""
    task = asyncio.ensure_future(work)
    hang_up = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({task, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        return Response(task.result().model_dump_json(exclude_none=True), media_type="application/json")
    finally:
        hang_up.cancel()
        task.cancel()
        await asyncio.gather(task, hang_up, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    """Return when the caller has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
