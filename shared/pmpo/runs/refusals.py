"""What is wrong with a body or a query, in one sentence; an unknown key is answered with the nearest known one.

The service and its client say it alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.problems import refusal
from pmpo.errors import InvalidInputError, UnknownKeyError
from pmpo.runs.jobkeys import section_model, unknown_key

MAX_NAMED = 3


def body_refusal(errors: Sequence[Mapping[str, Any]], body: type[BaseModel] = JobSpec) -> InvalidInputError:
    """The first three errors of a body or a query; an unknown key of ``body`` comes before all else."""
    if any(isinstance(error.get("input"), bytes) for error in errors):  # the framework parses declared JSON alone
        return InvalidInputError(
            "the body is not declared as JSON: send the job as JSON with the header content-type: application/json"
        )
    unknown = next((error for error in errors if error["type"] == "extra_forbidden"), None)
    if unknown is None:
        return _list(errors)
    *sections, key = (str(part) for part in unknown["loc"] if part != "body")
    return UnknownKeyError(unknown_key("".join(f"{name}." for name in sections), key, _known_keys(sections, body)))


def _list(errors: Sequence[Mapping[str, Any]]) -> InvalidInputError:
    named = [refusal([error]) for error in errors[:MAX_NAMED]]
    more = f"; and {len(errors) - MAX_NAMED} more" if len(errors) > MAX_NAMED else ""
    return type(named[0])("; ".join(error.message for error in named) + more)


def _known_keys(path: Sequence[str], model: type[BaseModel]) -> list[str]:
    """The keys of a section."""
    for name in path:
        found = section_model(model.model_fields[name].annotation) if name in model.model_fields else None
        if found is None:
            return []
        model = found
    return list(model.model_fields)
