"""What a server's refusal means: its problem document turned back into the error it raised, or its status read."""

from __future__ import annotations

import httpx

from pmpo.contracts.problems import Problem, from_problem
from pmpo.errors import (
    ForbiddenError,
    NotFoundError,
    OverloadedError,
    PmpoError,
    TooLongError,
    UnauthorizedError,
    UnavailableError,
    UpstreamError,
)
from pmpo.runtime.http import is_about_length, retry_after_s, said_by


def error_of(response: httpx.Response, where: str, path: str, unavailable: type[UnavailableError]) -> PmpoError:
    """The error that a response other than 200 stands for.

    Args:
        response: what the server answered.
        where: the server in words, for messages.
        path: what was asked for.
        unavailable: the class for a server that cannot answer now.
    """
    try:
        problem = Problem.model_validate_json(response.content)
    except ValueError:
        return _of_status(response, where, path, unavailable)
    error = from_problem(problem)
    if error.retry_after_s is None:
        error.retry_after_s = retry_after_s(response)
    return error


def as_ours(error: PmpoError, where: str) -> PmpoError:
    """An error of a server that we call, for those who call us: whom it does not let in is us, not them."""
    if isinstance(error, UnauthorizedError | ForbiddenError | NotFoundError):
        return UpstreamError(
            f"{where} refused the call ({error.message}); correct its address or key_variable in PMPO_ENDPOINTS"
        )
    return error


def _of_status(response: httpx.Response, where: str, path: str, unavailable: type[UnavailableError]) -> PmpoError:
    """Of a server that is none of ours: what it says is quoted, as it alone knows."""
    status, after = response.status_code, retry_after_s(response)
    said = said_by(response)
    quoted = f": {said}" if said else ""
    if status == 429:
        return OverloadedError(f"{where} has too much to do{quoted}; try again later", retry_after_s=after)
    if status in (502, 503, 504):
        return unavailable(f"{where} cannot answer now (status {status}{quoted}); look at its log", retry_after_s=after)
    if status in (401, 403):
        return UpstreamError(
            f"{where} refused the key (status {status}{quoted}); correct key_variable in PMPO_ENDPOINTS"
        )
    if status in (404, 405):
        return UpstreamError(f"{where} has no {path}{quoted}; correct the address or the model in PMPO_ENDPOINTS")
    if 400 <= status < 500 and is_about_length(said):
        return TooLongError(f"{where} refused a text as too long: {said}; shorten the prompt or lower max_tokens")
    return UpstreamError(f"{where} answered {path} with status {status}: {said or 'nothing'}; look at its log")
