"""The two ways to carry calls over httpx. httpx is imported when the first client is made, not with this module."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pmpo.client.calls import Answer, Call, Stream, T, UnreachedError
from pmpo.errors import InvalidInputError
from pmpo.runtime.addresses import is_loopback

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 5.0
PIECE_BYTES = 64 * 1024


class BlockingTransport:
    """Waits in the calling thread. Its coroutines never suspend, which is what ``pmpo.client.blocking`` relies on."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        import httpx

        self._client = httpx.Client(headers=dict(headers), trust_env=not _is_loopback(url))
        self._url = url

    async def send(self, call: Call) -> Answer:
        """See ``Transport``."""
        with _connection_problems(), _body(call) as body:
            return _answer(self._client.request(**_arguments(self._url, call), content=body))

    async def open(self, call: Call) -> Stream:
        """See ``Transport``."""
        with _connection_problems():
            request = self._client.build_request(**_arguments(self._url, call))
            return _BlockingStream(self._client.send(request, stream=True))

    async def sleep(self, seconds: float) -> None:
        """Block for that long."""
        time.sleep(seconds)  # noqa: ASYNC251 - blocking is what this transport is for

    async def work(self, function: Callable[[], T]) -> T:
        """Compute in the calling thread."""
        return function()

    async def close(self) -> None:
        """Close every connection."""
        self._client.close()


class AsyncTransport:
    """Waits on the running event loop."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        import httpx

        self._client = httpx.AsyncClient(headers=dict(headers), trust_env=not _is_loopback(url))
        self._url = url

    async def send(self, call: Call) -> Answer:
        """See ``Transport``."""
        with _connection_problems(), _body(call) as body:
            content = _pieces(body) if call.body_file is not None else body
            return _answer(await self._client.request(**_arguments(self._url, call), content=content))

    async def open(self, call: Call) -> Stream:
        """See ``Transport``."""
        with _connection_problems():
            request = self._client.build_request(**_arguments(self._url, call))
            return _AsyncStream(await self._client.send(request, stream=True))

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for that long."""
        import asyncio

        await asyncio.sleep(seconds)

    async def work(self, function: Callable[[], T]) -> T:
        """Compute in a thread, while other tasks run."""
        import asyncio

        return await asyncio.to_thread(function)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


class _Head:
    """Status and headers of a response."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = _headers(response)
        self._response = response


class _BlockingStream(_Head):
    async def read(self) -> bytes:
        with _connection_problems():
            return self._response.read()

    async def pieces(self) -> AsyncIterator[bytes]:
        with _connection_problems():
            for piece in self._response.iter_bytes():
                yield piece

    async def lines(self) -> AsyncIterator[str]:
        with _connection_problems():
            for line in self._response.iter_lines():
                yield line

    async def close(self) -> None:
        self._response.close()


class _AsyncStream(_Head):
    async def read(self) -> bytes:
        with _connection_problems():
            return await self._response.aread()

    async def pieces(self) -> AsyncIterator[bytes]:
        with _connection_problems():
            async for piece in self._response.aiter_bytes():
                yield piece

    async def lines(self) -> AsyncIterator[str]:
        with _connection_problems():
            async for line in self._response.aiter_lines():
                yield line

    async def close(self) -> None:
        await self._response.aclose()


def checked_url(url: str) -> str:
    """The address without blanks around it and without its last slash.

    Raises:
        InvalidInputError: it is no http or https address.
    """
    address = url.strip().rstrip("/")
    if not _is_address(address):
        raise InvalidInputError(f"{url!r} is no address of an API; give one such as http://127.0.0.1:8000")
    return address


def _is_address(url: str) -> bool:
    import httpx

    try:
        parts, _ = urlsplit(url), httpx.URL(url).host
        host, _ = (parts.hostname or "").encode("idna"), parts.port
    except (httpx.InvalidURL, ValueError):
        return False
    is_whole = not (parts.query or parts.fragment or " " in url)
    return parts.scheme in ("http", "https") and bool(host) and is_whole


def _arguments(url: str, call: Call) -> dict[str, Any]:
    import httpx

    return {
        "method": call.method,
        "url": url + call.path,
        "params": dict(call.query) or None,
        "headers": dict(call.headers),
        "timeout": httpx.Timeout(call.timeout_s, connect=CONNECT_TIMEOUT_S),
    }


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, _headers(response), response.content)


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


@contextmanager
def _body(call: Call) -> Iterator[Any]:
    """What is sent: nothing, bytes, or a file that is open meanwhile."""
    if call.body_file is None:
        yield call.body or None
    else:
        with call.body_file.open("rb") as file:
            yield file


async def _pieces(file: Any) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


@contextmanager
def _connection_problems() -> Iterator[None]:
    import httpx

    try:
        yield
    except httpx.InvalidURL:  # its parts were quoted: only their length is left to be wrong
        raise InvalidInputError("an id or a name is too long to be asked for; shorten it") from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise UnreachedError(str(error), was_sent=False) from error
    except httpx.TransportError as error:
        raise UnreachedError(str(error), was_sent=True) from error


def _is_loopback(url: str) -> bool:
    """Whether a proxy from the environment must stay out of the way: this very machine needs none."""
    return is_loopback(urlsplit(url).hostname or "")
