"""The API's answers as typed views."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pmpo.client.calls import Answer
from pmpo.errors import UpstreamError

View = TypeVar("View", bound=BaseModel)


def read(view: type[View], answer: Answer) -> View:
    """The typed answer. Keys that only a newer service knows are ignored.

    Raises:
        UpstreamError: the answer is no such view.
    """
    try:
        return view.model_validate_json(answer.body, extra="ignore")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise UpstreamError(
            f"the API's answer is no {view.__name__} ({where}: {first['msg']}); "
            "see whether PMPO_URL names a PMPO API of this version"
        ) from None
