"""The scorer's routes. Each is a call of the service; errors become problems in ``app``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Annotated, TypeVar

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from pmpo.contracts.scoring import (
    DEADLINE_HEADER,
    JOB_HEADER,
    ChatCompletionRequest,
    ChatCompletionResponse,
    MaskedLossesRequest,
    MaskedLossesResponse,
    ModelList,
    ScoreRequest,
    ScoreResponse,
    TokenizeRequest,
    TokenizeResponse,
    TokenizeTextsRequest,
)
from pmpo.errors import InvalidInputError, ScorerUnavailableError
from services.request_metrics import route_of
from services.scorer.service import Answered, ScorerService
from services.scorer.startup import ServiceSlot

LOADING_RETRY_S = 2.0
CLIENT_CLOSED_REQUEST = 499
_MILLISECONDS = re.compile(r"[1-9][0-9]{0,8}")
_JOB = re.compile(r"[\w.:-]{1,128}")
_Answer = TypeVar("_Answer", bound=BaseModel)

router = APIRouter()


async def ready_service(request: Request) -> ScorerService:  # not async, it would be called on another thread
    """The service.

    Raises:
        ScorerUnavailableError: the model is being loaded, or the engine has failed.
    """
    slot: ServiceSlot = request.app.state.slot
    if slot.service is None:
        raise ScorerUnavailableError("the scorer is loading its model; try again soon", retry_after_s=LOADING_RETRY_S)
    if slot.service.trouble is not None:
        raise slot.service.trouble.error
    return slot.service


async def job_of(request: Request) -> str:
    """Whose turn a request takes: the job that it names, else all that comes from its address without a name."""
    named = request.headers.get(JOB_HEADER, "")
    if _JOB.fullmatch(named):
        return f"job {named}"
    return f"address {request.client.host if request.client else ''}"


def deadline_of(request: Request) -> float | None:
    """Seconds that the caller waits; None when he does not say.

    Raises:
        InvalidInputError: he says it in a way that cannot be read.
    """
    given = request.headers.get(DEADLINE_HEADER)
    if given is None:
        return None
    if not _MILLISECONDS.fullmatch(given):
        raise InvalidInputError(
            f"{DEADLINE_HEADER} must be whole milliseconds, 1 to 999999999, and is {given[:40]!r}; "
            "correct it or leave it out"
        )
    return int(given) / 1000


Service = Annotated[ScorerService, Depends(ready_service)]
Job = Annotated[str, Depends(job_of)]


@router.post("/v1/score", response_model=ScoreResponse)
async def score(request: Request, body: ScoreRequest, service: Service, job: Job) -> Response:
    """Log-likelihood of every target under every prompt."""
    return await _answer(request, service.score(body, job))


@router.post("/v1/masked-losses", response_model=MaskedLossesResponse)
async def masked_losses(request: Request, body: MaskedLossesRequest, service: Service, job: Job) -> Response:
    """What each span of a prompt is worth: the loss with and without it."""
    return await _answer(request, service.masked_losses(body, job))


@router.post("/v1/tokenize", response_model=TokenizeResponse)
async def tokenize(request: Request, body: Annotated[TokenizeRequest, Body()], service: Service, job: Job) -> Response:
    """Token counts of a score body's items, or of texts alone."""
    if isinstance(body, TokenizeTextsRequest):
        return await _answer(request, service.count_texts(body, job))
    return await _answer(request, service.count_items(body, job))


@router.post("/v1/chat/completions", response_model=ChatCompletionResponse)
async def complete(request: Request, body: ChatCompletionRequest, service: Service, job: Job) -> Response:
    """Sampled answers, OpenAI-compatible."""
    return await _answer(request, service.complete(body, job, request.state.request_id))


@router.get("/v1/models")
async def models(service: Service) -> ModelList:
    """What is served."""
    return ModelList(data=[service.described()])


@router.get("/healthz")
async def healthz(request: Request) -> dict[str, str]:
    """The process runs and can help itself; a problem with status 503 when only a restart of the process helps."""
    slot: ServiceSlot = request.app.state.slot
    trouble = slot.service.trouble if slot.service is not None else None
    if trouble is not None and trouble.retry_after_s is None:
        raise trouble.error
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(service: Service) -> dict[str, str]:
    """The model is loaded, has passed its check and has not failed since; a problem with status 503 otherwise."""
    return {"status": "ready", "model": service.card.id}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """What was done so far, for Prometheus; also while the model is being loaded or the engine restarted."""
    slot: ServiceSlot = request.app.state.slot
    return Response(slot.metrics.text(), media_type=slot.metrics.content_type)


async def _answer(request: Request, work: Coroutine[None, None, Answered[_Answer]]) -> Response:
    """The work's answer as JSON. When nobody waits for it any more, the work is cancelled and costs nothing more.

    That is so when the caller hangs up, and when the time is over that he said he would wait: behind a proxy the one
    does not always tell.

    Raises:
        ScorerUnavailableError: the caller's time is over.
    """
    task = asyncio.ensure_future(work)
    hang_up = asyncio.ensure_future(_hang_up(request))
    try:
        deadline_s = deadline_of(request)
        await asyncio.wait({task, hang_up}, timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and not hang_up.done():
            raise ScorerUnavailableError(
                f"there was no answer within the {deadline_s:g} s that {DEADLINE_HEADER} gave, so the work was "
                "dropped; give more time or add capacity"
            )
        if not task.done():
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        return _response(request, task.result())
    finally:
        hang_up.cancel()
        task.cancel()
        await asyncio.gather(task, hang_up, return_exceptions=True)


def _response(request: Request, answered: Answered[_Answer]) -> Response:
    """The answer, with the milliseconds of its stages in ``Server-Timing``."""
    slot: ServiceSlot = request.app.state.slot
    slot.metrics.stages_ended(route_of(request.scope), answered.stages)
    timing = ", ".join(f"{name};dur={1000 * seconds:.3f}" for name, seconds in answered.stages.items())
    body = answered.body.model_dump_json(exclude_none=True)
    return Response(body, media_type="application/json", headers={"server-timing": timing})


async def _hang_up(request: Request) -> None:
    """Return when the caller has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
