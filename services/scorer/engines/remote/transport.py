"""One try of one call to one server, and what its failure means: for the server, and for the caller."""

from __future__ import annotations

import asyncio
import json
import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from pmpo import __version__
from pmpo.errors import PmpoError, TooLongError, UpstreamError

CONNECT_TIMEOUT_S = 10.0
MAX_QUOTED = 240
KEY_VARIABLE = "PMPO_SCORER_REMOTE_KEY"
_TOO_LONG = (
    "maximum context length",
    "maximum model length",
    "longer than the model",
    "context size",
    "context length",
)
_LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class ServerDownError(Exception):
    """The server does not answer, or serves another model now: leave it out, ask another."""


class TryAgainError(Exception):
    """This try failed and another may not: the server is busy, or failed on this request alone.

    Attributes:
        error: what to raise when no try is left.
        after_s: how long the server asks to be left alone.
    """

    def __init__(self, error: PmpoError, after_s: float = 0.0) -> None:
        super().__init__(error.message)
        self.error = error
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Access:
    """How servers are called: the key (or None) and the deadline of one call."""

    key: str | None
    timeout_s: float

    def open(self) -> httpx.AsyncClient:
        """A client for one event loop. Proxies of the environment are used, except for this machine itself."""
        headers = {"user-agent": f"pmpo/{__version__}"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        return httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=None),
            mounts=dict.fromkeys(_LOOPBACK),
            verify=_tls(),
        )

    async def ask(self, http: httpx.AsyncClient, url: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON: a GET without a body, else a POST.

        Raises:
            ServerDownError: no connection, no answer in time, 404, 502, 503 or 504.
            TryAgainError: 429 or another failure of the server's own (500).
            TooLongError, UpstreamError: what the server refuses, or an answer that is no JSON.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                if body is None:
                    response = await http.get(url + path)
                else:
                    content = json.dumps(body, separators=(",", ":")).encode()
                    response = await http.post(
                        url + path, content=content, headers={"content-type": "application/json"}
                    )
        except TimeoutError:
            raise ServerDownError(f"no answer within {self.timeout_s:g} s (PMPO_SCORER_REMOTE_TIMEOUT_S)") from None
        except httpx.HTTPError as error:
            raise ServerDownError(str(error) or type(error).__name__) from None
        return _read(response, url, path)


def _read(response: httpx.Response, url: str, path: str) -> Any:
    status = response.status_code
    if status == httpx.codes.OK:
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            raise UpstreamError(f"the model server at {url} answered {path} with what is no JSON") from None
    where = f"the model server at {url}"
    said = _message(response)
    if status in (401, 403):
        raise UpstreamError(f"{where} refused the key (status {status}: {said}); correct {KEY_VARIABLE}")
    if status in (404, 502, 503, 504):
        raise ServerDownError(f"status {status}: {said}")
    error = UpstreamError(f"{where} answered {path} with status {status}: {said}")
    if status == 429:
        raise TryAgainError(error, _retry_after_s(response))
    if status >= 500:
        raise TryAgainError(error)
    if any(words in said.lower() for words in _TOO_LONG):
        raise TooLongError(f"{where} refused an item as too long: {said}; lower PMPO_SCORER_REMOTE_CONTEXT_LENGTH")
    raise error


def _message(response: httpx.Response) -> str:
    """The sentence in an error's body, in the forms that servers use, or the body's beginning."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = response.text
    for key in ("error", "message", "detail"):
        if isinstance(body, dict) and key in body:
            body = body[key]
    return " ".join(str(body).split())[:MAX_QUOTED] or "nothing said"


def _retry_after_s(response: httpx.Response) -> float:
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


@cache
def _tls() -> ssl.SSLContext:
    """One TLS context a process: making it takes longer than a call."""
    return httpx.create_ssl_context()
