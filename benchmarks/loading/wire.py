"""HTTP/1.1 over asyncio streams, as little of it as the benchmark needs: the client must not be what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

LIMIT = 2**20


class Connection:
    """One connection that is kept open; opened anew after it broke. One request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of the answer, which must tell its length.

        Raises:
            OSError, EOFError: the connection broke.
        """
        try:
            reader, writer = await self._opened()
            writer.write(self._head(method, path, body) + body)
            status, headers = await _read_head(reader)
            content = await reader.readexactly(int(headers.get("content-length", "0")))
        except BaseException:
            self.close()
            raise
        if headers.get("connection", "") == "close":
            self.close()
        return status, content

    async def stream(self, path: str) -> AsyncGenerator[bytes, None]:
        """The lines of an event stream until the server ends it; the connection is closed after it.

        Raises:
            OSError, EOFError: the connection broke, or the answer is no stream.
        """
        try:
            reader, writer = await self._opened()
            writer.write(self._head("GET", path, b"", "accept: text/event-stream\r\n"))
            status, headers = await _read_head(reader)
            if status != 200 or not headers.get("content-type", "").startswith("text/event-stream"):
                raise ConnectionError(f"{path} answered {status} where a stream was asked for")
            while line := await reader.readline():
                yield line
        finally:
            self.close()

    def close(self) -> None:
        """Close, if it is open."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=LIMIT)
        return self._streams

    def _head(self, method: str, path: str, body: bytes, more: str = "") -> bytes:
        length = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
        return f"{method} {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n{length}{more}\r\n".encode()


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split(" ", 2)[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}
