"""A key that a job does not have is answered with the nearest one that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.problems import refusal
from pmpo.errors import InvalidInputError, UnknownKeyError
from pmpo.runs.jobkeys import unknown_key


def job_refusal(errors: Sequence[Mapping[str, Any]]) -> InvalidInputError:
    """One sentence from the errors of a body or a query; an unknown key of a job comes before all else."""
    unknown = next((error for error in errors if error["type"] == "extra_forbidden"), None)
    if unknown is None:
        return refusal(errors)
    *sections, key = (str(part) for part in unknown["loc"] if part != "body")
    return UnknownKeyError(unknown_key("".join(f"{name}." for name in sections), key, _known_keys(sections)))


def _known_keys(path: Sequence[str]) -> list[str]:
    """The keys of a job's section."""
    model: type[BaseModel] = JobSpec
    for name in path:
        found = model.model_fields[name].annotation if name in model.model_fields else None
        if not isinstance(found, type) or not issubclass(found, BaseModel):
            return []
        model = found
    return list(model.model_fields)
