"""What a server's refusal means: its problem document turned back into the error it raised, or its status read."""

from __future__ import annotations

import math

import httpx

from pmpo.contracts.problems import Problem, from_problem
from pmpo.errors import OverloadedError, PmpoError, UnavailableError, UpstreamError

MAX_QUOTED = 200


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
        error.retry_after_s = _retry_after_s(response)
    return error


def _of_status(response: httpx.Response, where: str, path: str, unavailable: type[UnavailableError]) -> PmpoError:
    status, after = response.status_code, _retry_after_s(response)
    if status == 429:
        return OverloadedError(f"{where} has too much to do; try again later", retry_after_s=after)
    if status in (502, 503, 504):
        return unavailable(f"{where} cannot answer now (status {status}); look at its log", retry_after_s=after)
    if status in (401, 403):
        return UpstreamError(f"{where} refused the key (status {status}); correct key_variable in PMPO_ENDPOINTS")
    if status in (404, 405):
        return UpstreamError(f"{where} has no {path}; correct the address in PMPO_ENDPOINTS")
    quoted = " ".join(response.text.split())[:MAX_QUOTED]
    return UpstreamError(f"{where} answered {path} with status {status}: {quoted or 'nothing'}; look at its log")


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds of ``Retry-After``; None without one, and for the date form, which nobody we call uses."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
