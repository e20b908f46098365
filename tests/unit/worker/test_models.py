from __future__ import annotations

from typing import Any

import pytest

from pmpo.errors import InvalidInputError
from pmpo.optim.several import SeveralScorers
from pmpo.optim.types import ModelIdentity
from pmpo.runtime.endpoints import Endpoint
from services.worker.models import RemoteModels, scorer_of

TABLE = {name: Endpoint(name=name, url=f"http://{name}:8100") for name in ("small", "large")}
IDENTITIES = (ModelIdentity("s", "1", "d", "e"), ModelIdentity("l", "2", "d", "e"))


class Connected:
    """A client that only remembers what it was made with."""

    def __init__(
        self, row: Endpoint, key: str | None = None, identity: ModelIdentity | None = None, **more: Any
    ) -> None:
        self.name = row.name
        self.more = more
        self.identity = identity


ARGUMENTS: dict[str, dict[str, Any]] = {"small": {"enable_thinking": False}, "large": {}}


def models() -> RemoteModels:
    connect: Any = Connected
    return RemoteModels(TABLE, connect, connect)


def test_each_model_goes_on_as_the_one_that_the_job_began_with() -> None:
    several: Any = scorer_of(models(), ARGUMENTS, ("large", "small"), IDENTITIES[::-1])
    assert isinstance(several, SeveralScorers)
    assert several.identity == ModelIdentity("l + s", "2 + 1", "d + d", "e + e")
    fresh = scorer_of(models(), ARGUMENTS, ("large", "small"), ())
    assert fresh.identity is None


def test_one_model_needs_no_adapter() -> None:
    alone: Any = scorer_of(models(), ARGUMENTS, ("small",), IDENTITIES[:1])
    assert (alone.name, alone.identity) == ("small", IDENTITIES[0])
    assert alone.more == {"chat_template_kwargs": {"enable_thinking": False}}


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match="no endpoint is called 'smal', did you mean 'small'"):
        scorer_of(models(), {**ARGUMENTS, "smal": {}}, ("large", "smal"), ())
