"""Bodies of requests as callers have them: the contract's own object, or a mapping of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pmpo.client.rows import rows_of
from pmpo.contracts.jobdata import JobData, is_dataset_id
from pmpo.contracts.jobs import JobSpec
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
        remedy = "; a job file is read by pmpo.runs.jobfile.load_job" if model is JobSpec else ""
        raise InvalidInputError(f"give a {model.__name__} or a dict of its keys, not {type(given).__name__}{remedy}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise body_refusal(error.errors(), model) from None


def job_with_rows(given: JobSpec | Keys) -> JobSpec | Keys:
    """The job, whose sets are lists of rows or ids: whatever else holds rows, the path of a file too, is read here.

    Raises:
        InvalidDataError: a row that is none; the row and the key are named.
        InvalidInputError: a set that holds no rows.
    """
    if not isinstance(given, Mapping) or "dataset" not in given:
        return given
    dataset = given["dataset"]
    if isinstance(dataset, JobData):
        return given
    sets = dataset if isinstance(dataset, Mapping) else {"train": dataset}
    return {**given, "dataset": {name: _rows(data) for name, data in sets.items()}}


def _rows(data: Any) -> Any:
    is_given = data is None or isinstance(data, list) or (isinstance(data, str) and is_dataset_id(data))
    return data if is_given else list(rows_of(data))


def body_of(model: type[Body], given: Body | Keys) -> bytes:
    """``checked`` as JSON: the keys that were given and no others, so that the service's defaults hold."""
    return checked(model, given).model_dump_json(exclude_unset=True).encode()
