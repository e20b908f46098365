"""A key that a job does not have is answered with the nearest one that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.problems import refusal
from pmpo.errors import InvalidInputError, UnknownKeyError


def job_refusal(errors: Sequence[Mapping[str, Any]]) -> InvalidInputError:
    """One sentence from the errors of a body or a query; an unknown key of a job comes before all else."""
    unknown = next((error for error in errors if error["type"] == "extra_forbidden"), None)
    if unknown is None:
        return refusal(errors)
    path = [str(part) for part in unknown["loc"] if part != "body"]
    known = _known_keys(path[:-1])
    near = get_close_matches(path[-1], known, n=1)
    prefix = "".join(f"{part}." for part in path[:-1])
    hint = f", did you mean '{prefix}{near[0]}'?" if near else f"; known keys there are: {', '.join(known)}"
    return UnknownKeyError(f"unknown key '{'.'.join(path)}'{hint}")


def _known_keys(path: Sequence[str]) -> list[str]:
    """The keys of a job's section."""
    model: type[BaseModel] = JobSpec
    for name in path:
        found = model.model_fields[name].annotation if name in model.model_fields else None
        if not isinstance(found, type) or not issubclass(found, BaseModel):
            return []
        model = found
    return list(model.model_fields)
