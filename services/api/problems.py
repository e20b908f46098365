"""The one place that renders errors: every one is a problem document (RFC 9457)."""

from __future__ import annotations

import math
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.problems import PROBLEM_MEDIA_TYPE, Problem, to_problem
from pmpo.errors import PmpoError
from pmpo.runs.refusals import body_refusal
from pmpo.runtime.logs import get_logger

log = get_logger()
_UNKNOWN_WAIT_S = 1.0
_BODY_REMEDY = "send the job as JSON in UTF-8, not compressed and not nested deeper than a job is"


def install_problems(app: FastAPI) -> None:
    """Make every error of the app's routes a problem document."""
    app.add_exception_handler(PmpoError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http)


def problem_response(problem: Problem) -> Response:
    """A problem as an answer; a retryable one says when, and a 503 always does: what is away is mostly back soon."""
    headers = {}
    wait_s = problem.retry_after_s
    if wait_s is None and problem.retryable and problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait_s = _UNKNOWN_WAIT_S
    if wait_s is not None:
        headers["retry-after"] = str(math.ceil(wait_s))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="pmpo"'
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, status_code=problem.status, headers=headers, media_type=PROBLEM_MEDIA_TYPE)


def defect_response(error: Exception, request_id: str) -> Response:
    """The answer to an error that nobody foresaw: its details are in the log, under the request's id."""
    log.error("defect", request_id=request_id, exc_info=error)
    message = f"the service met an error it does not know; its log has the details under request {request_id}"
    return problem_response(to_problem(PmpoError(message), request_id))


async def _on_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, PmpoError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request_failed", path=request.url.path, code=error.code, reason=error.message)
    return problem_response(to_problem(error, request.state.request_id))


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    refused = body_refusal(error.errors(), _body_of(request.scope.get("route")))
    return problem_response(to_problem(refused, request.state.request_id))


def _body_of(route: object) -> type[BaseModel]:
    """What a route takes as its body; a job where it takes none."""
    field = route.body_field if isinstance(route, APIRoute) else None
    model = None if field is None else field.field_info.annotation
    return model if isinstance(model, type) and issubclass(model, BaseModel) else JobSpec


async def _on_http(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: an unknown path, a method that a path does not know, a body it cannot read."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, PmpoError):  # raised while the framework read the body
        return await _on_ours(request, error.__cause__)
    status = HTTPStatus(error.status_code)
    route = f"{request.method} {request.url.path}"
    details = {
        HTTPStatus.BAD_REQUEST: f"the body of {route} cannot be read; {_BODY_REMEDY}",
        HTTPStatus.NOT_FOUND: f"there is no {route}; /docs lists what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{route} is not possible; /docs lists what is",
    }
    problem = Problem(
        type=f"urn:pmpo:problem:{status.name.lower()}",
        title=status.phrase,
        status=status,
        detail=details.get(status, str(error.detail)),
        code=status.name.lower(),
        retryable=False,
        request_id=request.state.request_id,
    )
    return problem_response(problem)
