"""Who may use the scorer: whoever shows its key, or this machine alone, or everybody where that is said in words."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pmpo.errors import ConfigurationError, ForbiddenError, PmpoError, UnauthorizedError
from pmpo.runtime.addresses import host_in, is_loopback
from pmpo.runtime.settings import Settings

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
MIN_KEY_CHARACTERS = 16
_KEY = re.compile(rf"[\x21-\x7e]{{{MIN_KEY_CHARACTERS},}}")
Check = Callable[[Headers], None]
"""Raises PmpoError: whoever sent these headers may not come in."""


class Door:
    """Refuses before a byte of the body is read. ``render`` makes the answer of an error."""

    def __init__(self, app: ASGIApp, check: Check, render: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._check = check
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            try:
                self._check(Headers(scope=scope))
            except PmpoError as error:
                await self._render(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def check_of(settings: Settings) -> Check:
    """What the settings ask of callers.

    Raises:
        ConfigurationError: no key where others than this machine can call, or one that is easily guessed.
    """
    if settings.scorer_key is not None:
        return _key_check(settings.scorer_key)
    if is_loopback(settings.scorer_host):
        return _refuse_foreign_name
    if settings.scorer_open:
        return _let_in
    raise ConfigurationError(
        f"PMPO_SCORER_HOST={settings.scorer_host} lets others than this machine use the scorer; set PMPO_SCORER_KEY "
        "(made with `openssl rand -hex 32`, and named as key_variable in PMPO_ENDPOINTS), or set PMPO_SCORER_OPEN=true "
        "where only your own containers reach it"
    )


def _key_check(key: str) -> Check:
    if not _KEY.fullmatch(key):
        raise ConfigurationError(
            f"PMPO_SCORER_KEY must be {MIN_KEY_CHARACTERS} or more visible ASCII characters without spaces; "
            "make one with `openssl rand -hex 32`"
        )
    expected = hashlib.sha256(key.encode()).digest()  # of one length, so that the time tells nothing of the key's

    def check(headers: Headers) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            hashlib.sha256(given.strip().encode()).digest(), expected
        ):
            raise UnauthorizedError(
                "this scorer asks for its key: send PMPO_SCORER_KEY as 'Authorization: Bearer ...' "
                "(API and worker: key_variable in PMPO_ENDPOINTS)"
            )

    return check


def _refuse_foreign_name(headers: Headers) -> None:
    """A page whose name was bent to this machine (DNS rebinding) shows that name."""
    host = headers.get("host", "")
    if not is_loopback(host_in(host)):
        raise ForbiddenError(
            f"this scorer has no key and answers to the names of this machine alone, not to {host[:100]!r}; "
            "call it at http://127.0.0.1 with its port, or set PMPO_SCORER_KEY"
        )


def _let_in(_headers: Headers) -> None:
    """The operator said so."""
