"""``Idempotency-Key`` on creating requests: the key as a header, and the keyed request that the store remembers."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel

from pmpo.errors import InvalidInputError
from services.api.callers import AnyCaller
from services.store.idempotency import KeyedRequest

HEADER = "Idempotency-Key"
REPLAYED = "idempotent-replayed"
_USABLE_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Keyed:
    """The key of one request, if it has one."""

    def __init__(self, project: str, route: str, key: str | None) -> None:
        self._project = project
        self._route = route
        self._key = key

    def request(self, body: BaseModel) -> KeyedRequest | None:
        """The request under its key; None without a key. Spaces and the order of known keys make no difference."""
        if self._key is None:
            return None
        sent = body.model_dump_json(exclude_unset=True).encode()
        return KeyedRequest(self._project, self._route, self._key, sent)


async def _keyed(
    request: Request,
    caller: AnyCaller,
    idempotency_key: Annotated[
        str | None, Header(description="name of this very request: sent again within 24 hours, it gets the same answer")
    ] = None,
) -> Keyed:
    """Raises InvalidInputError: a key that is none."""
    if idempotency_key is not None and not _USABLE_KEY.fullmatch(idempotency_key):
        raise InvalidInputError(f"{HEADER} must be 1 to 255 visible ASCII characters without spaces; a UUID will do")
    return Keyed(caller.project, f"{request.method} {request.url.path.rstrip('/')}", idempotency_key)


KeyOfRequest = Annotated[Keyed, Depends(_keyed)]
