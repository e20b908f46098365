"""Who asks: the project whose things a request may see, and what it may do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends

Scope = Literal["read", "submit", "admin"]
DEFAULT_PROJECT = "default"
ALL_SCOPES: frozenset[Scope] = frozenset(("read", "submit", "admin"))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        project: what is made belongs to it, and what belongs to another one does not exist for the caller.
        scopes: ``read`` looks, ``submit`` creates and changes, ``admin`` manages keys and retention.
    """

    project: str
    scopes: frozenset[Scope]


def _anyone() -> Caller:
    """Without keys there is one project, and everybody may do everything in it."""
    return Caller(DEFAULT_PROJECT, ALL_SCOPES)


Reader = Annotated[Caller, Depends(_anyone)]
Submitter = Annotated[Caller, Depends(_anyone)]
Admin = Annotated[Caller, Depends(_anyone)]
