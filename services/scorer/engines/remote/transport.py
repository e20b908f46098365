"""One try of one call to one server, and what its failure means: for the server, and for the caller."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from pmpo.errors import PmpoError, TooLongError, UpstreamError
from pmpo.runtime.http import is_about_length, open_blocking_http, open_http, retry_after_s, said_by

KEY_VARIABLE = "PMPO_SCORER_REMOTE_KEY"


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
        """A client for one event loop."""
        return open_http(self.key)

    async def ask(self, http: httpx.AsyncClient, url: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON: a GET without a body, else a POST.

        Raises:
            ServerDownError: no connection, no answer in time, 404, 502, 503 or 504.
            TryAgainError: 429 or another failure of the server's own (500).
            TooLongError, UpstreamError: what the server refuses, or an answer that is no JSON.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                response = await http.request(**_request(url, path, body))
        except TimeoutError:
            raise self._timed_out() from None
        except httpx.HTTPError as error:
            raise ServerDownError(str(error) or type(error).__name__) from None
        return _read(response, url, path)

    def ask_blocking(self, url: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """As ``ask``, on a thread without an event loop, over a connection of its own."""
        try:
            with open_blocking_http(self.key, self.timeout_s) as http:
                response = http.request(**_request(url, path, body))
        except httpx.TimeoutException:
            raise self._timed_out() from None
        except httpx.HTTPError as error:
            raise ServerDownError(str(error) or type(error).__name__) from None
        return _read(response, url, path)

    def _timed_out(self) -> ServerDownError:
        return ServerDownError(f"no answer within {self.timeout_s:g} s (PMPO_SCORER_REMOTE_TIMEOUT_S)")


def _request(url: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
    if body is None:
        return {"method": "GET", "url": url + path}
    content = json.dumps(body, separators=(",", ":")).encode()
    return {"method": "POST", "url": url + path, "content": content, "headers": {"content-type": "application/json"}}


def _read(response: httpx.Response, url: str, path: str) -> Any:
    status = response.status_code
    if status == httpx.codes.OK:
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            raise UpstreamError(f"the model server at {url} answered {path} with what is no JSON") from None
    where = f"the model server at {url}"
    said = said_by(response) or "nothing said"
    if status in (401, 403):
        raise UpstreamError(f"{where} refused the key (status {status}: {said}); correct {KEY_VARIABLE}")
    if status in (404, 502, 503, 504):
        raise ServerDownError(f"status {status}: {said}")
    error = UpstreamError(f"{where} answered {path} with status {status}: {said}")
    if status == 429:
        raise TryAgainError(error, retry_after_s(response) or 0.0)
    if status >= 500:
        raise TryAgainError(error)
    if is_about_length(said):
        raise TooLongError(f"{where} refused an item as too long: {said}; lower PMPO_SCORER_REMOTE_CONTEXT_LENGTH")
    raise error
