"""Errors on the wire: RFC 9457 problems, and how a wire model says what it refuses.

``to_problem`` and ``from_problem`` are inverse: the client raises the class that the service raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from pmpo.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    PmpoError,
    UnauthorizedError,
    UnavailableError,
    UnknownKeyError,
    error_classes,
    one_line,
)

Made = TypeVar("Made", bound=BaseModel)
PROBLEM_MEDIA_TYPE = "application/problem+json"
_UNKNOWN_KEY = "unknown_key"


class WireModel(BaseModel):
    """The base of every request and answer: frozen; an unknown key is refused with the nearest known name."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = {field.alias or name for name, field in cls.model_fields.items()}
            unknown = next((str(key) for key in data if key not in known), None)
            if unknown is not None:
                raise PydanticCustomError(
                    _UNKNOWN_KEY, "unknown key '{key}'{hint}", {"key": one_line(unknown), "hint": _hint(unknown, known)}
                )
        return data


class Problem(BaseModel):
    """An error answer, media type ``application/problem+json``. ``code`` is stable; ``detail`` is one sentence."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    title: str
    status: int
    detail: Annotated[str, AfterValidator(one_line)]
    code: str
    retryable: bool
    request_id: str
    retry_after_s: float | None = None


def problem_responses() -> dict[int | str, dict[str, Any]]:
    """What a service's own description says of its refusals and faults, whatever the route."""
    content = {PROBLEM_MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    refused = "what was sent is wrong or too much: `detail` says what, `retryable` whether to send it again"
    return {
        "4XX": {"description": refused, "content": content},
        "5XX": {"description": "the service or a server that it calls failed", "content": content},
    }


def to_problem(error: PmpoError, request_id: str) -> Problem:
    """The problem that tells a caller of ``error``."""
    return Problem(
        type=f"urn:pmpo:problem:{error.code}",
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=error.message,
        code=error.code,
        retryable=error.retryable,
        request_id=request_id,
        retry_after_s=error.retry_after_s,
    )


def from_problem(problem: Problem) -> PmpoError:
    """The error that the service raised: the class of the same ``code``, its message and its ``retry_after_s``.

    A code that is unknown here (a newer service, or the framework's own) becomes the class that its status means.
    """
    cls = error_classes().get(problem.code) or _class_of_status(problem)
    return cls(problem.detail, retry_after_s=problem.retry_after_s)


def _class_of_status(problem: Problem) -> type[PmpoError]:
    if problem.retryable:
        return UnavailableError
    by_status: dict[int, type[PmpoError]] = {
        401: UnauthorizedError,
        403: ForbiddenError,
        404: NotFoundError,
        409: ConflictError,
    }
    is_callers = 400 <= problem.status < 500
    return by_status.get(problem.status, InvalidInputError if is_callers else PmpoError)


def refusal(errors: Iterable[ErrorDetails] | Iterable[Mapping[str, Any]]) -> InvalidInputError:
    """One sentence from a ValidationError's ``errors()``: the first error, where it stands, how many more there are."""
    found = list(errors)
    first = found[0]
    if first["type"] == "json_invalid":
        reason = f"{first['ctx']['error']} at character {first['loc'][-1]}"
        return InvalidInputError(f"the body is not valid JSON: {reason}")
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    cls = UnknownKeyError if first["type"] in (_UNKNOWN_KEY, "extra_forbidden") else InvalidInputError
    return cls(f"{where}: {first['msg'].removeprefix('Value error, ')}{more}")


def made(model: type[Made], /, **values: Any) -> Made:
    """A wire model of a caller's values. Raises InvalidInputError: one that the API would refuse; says which."""
    try:
        return model(**values)
    except ValidationError as error:
        raise refusal(error.errors()) from None


def _hint(unknown: str, known: set[str]) -> str:
    near = get_close_matches(unknown, sorted(known), n=1, cutoff=0.6)
    return f", did you mean '{near[0]}'?" if near else f"; known keys are: {', '.join(sorted(known))}"
