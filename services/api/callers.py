"""Who asks: the project whose things a request may see, and what it may do there.

``services.api.gate`` finds out who it is before anything of the request is read; the routes name the scope they need.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from pmpo.contracts.keys import DEFAULT_PROJECT, SCOPES, Scope
from pmpo.errors import ForbiddenError

ALL_SCOPES: frozenset[Scope] = frozenset(SCOPES)
# Tells the API's description that there are keys; the gate has looked at the header by then.
_described = HTTPBearer(auto_error=False, description="a key as `pmpo keys create` shows it")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        project: what is made belongs to it, and what belongs to another one does not exist for the caller.
        scopes: ``read`` looks, ``submit`` creates and changes, ``admin`` manages keys and retention.
        key_id: the key that was shown; empty where there are none.
    """

    project: str
    scopes: frozenset[Scope]
    key_id: str = ""


def anyone() -> Caller:
    """Without keys there is one project, and everybody may do everything in it."""
    return Caller(DEFAULT_PROJECT, ALL_SCOPES)


async def _caller(request: Request, _key: Annotated[object, Depends(_described)]) -> Caller:
    return cast(Caller, request.state.caller)


AnyCaller = Annotated[Caller, Depends(_caller)]


def _with(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    async def allowed(caller: AnyCaller) -> Caller:
        """Raises ForbiddenError: the key has another scope."""
        if scope not in caller.scopes:
            held = " and ".join(name for name in SCOPES if name in caller.scopes)
            raise ForbiddenError(
                f"this needs a key with the scope {scope}, and key {caller.key_id} has {held}; "
                f"an admin of the project makes one with: pmpo keys create --scope {scope}"
            )
        return caller

    return allowed


Reader = Annotated[Caller, Depends(_with("read"))]
Submitter = Annotated[Caller, Depends(_with("submit"))]
Admin = Annotated[Caller, Depends(_with("admin"))]
