"""Bodies of requests as callers have them: the contract's own object, or a mapping of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pmpo.errors import InvalidInputError
from pmpo.runs.refusals import body_refusal

Body = TypeVar("Body", bound=BaseModel)
Keys = Mapping[str, Any]


def checked(model: type[Body], given: Body | Keys) -> Body:
    """``given`` as a ``model``.

    Raises:
        InvalidInputError: what is neither; the message says where and why.
    """
    if isinstance(given, model):
        return given
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"give a {model.__name__} or a dict of its keys, not {type(given).__name__}; "
            "a job file is read by pmpo.runs.jobfile.load_job"
        )
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise body_refusal(error.errors(), model) from None


def body_of(model: type[Body], given: Body | Keys) -> bytes:
    """``checked`` as JSON: the keys that were given and no others, so that the service's defaults hold."""
    return checked(model, given).model_dump_json(exclude_unset=True).encode()
