"""The ASGI app: routes, request ids, and every error as a problem (RFC 9457)."""

from __future__ import annotations

import logging
import math
import re
import secrets

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pmpo import __version__
from pmpo.contracts.problems import PROBLEM_MEDIA_TYPE, Problem, problem_responses, refusal, to_problem
from pmpo.errors import NotFoundError, PmpoError
from services.docs_page import install_docs_page
from services.request_metrics import RequestMetrics
from services.scorer.body_limit import BodyLimit
from services.scorer.door import Check, Door
from services.scorer.endpoints import router
from services.scorer.startup import ServiceSlot

logger = logging.getLogger(__name__)
REQUEST_ID_HEADER = "x-request-id"
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}")


def create_app(slot: ServiceSlot, check: Check | None = None) -> FastAPI:
    """The app over a slot that is filled when the model is ready; ``check`` says who may use it, all when None."""
    app = FastAPI(
        title="PMPO scorer", version=__version__, docs_url=None, redoc_url=None, responses=problem_responses()
    )
    install_docs_page(app)
    app.state.slot = slot
    app.include_router(router)
    app.add_middleware(BodyLimit)
    if check is not None:
        app.add_middleware(Door, check=check, render=_on_error)
    app.add_middleware(RequestIds)
    app.add_middleware(RequestMetrics, metrics=slot.metrics)
    app.add_exception_handler(PmpoError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_refused_body)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_defect)
    return app


class RequestIds:
    """Gives every request an id, the caller's when it is sound, and sends it back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)


def _on_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, PmpoError):
        return _on_defect(request, error)
    return _problem_response(request, to_problem(error, request.state.request_id))


def _on_refused_body(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return _on_defect(request, error)
    return _on_error(request, refusal(error.errors()))


def _on_http_error(request: Request, error: Exception) -> Response:
    """Errors of the router itself: no such path, another method, a body that cannot be read."""
    if not isinstance(error, HTTPException):
        return _on_defect(request, error)
    if isinstance(error.__cause__, PmpoError):  # raised while the framework read the body
        return _on_error(request, error.__cause__)
    if error.status_code == NotFoundError.status:
        return _on_error(request, NotFoundError(f"there is no {request.url.path}; the routes are listed at /docs"))
    problem = Problem(
        type="urn:pmpo:problem:http",
        title=str(error.detail),
        status=error.status_code,
        detail=f"{request.method} {request.url.path}: {error.detail}",
        code="http",
        retryable=False,
        request_id=request.state.request_id,
    )
    return _problem_response(request, problem)


def _on_defect(request: Request, error: Exception) -> Response:
    """What nobody foresaw: logged in full, told in one sentence without details."""
    logger.error("request %s failed", request.state.request_id, exc_info=error)
    return _on_error(
        request, PmpoError("the scorer failed on this request; its log has the details under the request id")
    )


def _problem_response(request: Request, problem: Problem) -> Response:
    slot: ServiceSlot = request.app.state.slot
    slot.metrics.problem_answered(problem.code)
    headers = {REQUEST_ID_HEADER: problem.request_id}
    if problem.retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(problem.retry_after_s))
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=problem.status,
        headers=headers,
        media_type=PROBLEM_MEDIA_TYPE,
    )
