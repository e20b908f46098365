"""The benchmark's own client against a real server: what it counts is what was answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.loading.clients import Clients, Follow, Load
from benchmarks.loading.figures import MemoryLog, is_met, percentile, report, table
from benchmarks.loading.wire import Connection


@asynccontextmanager
async def api(fails: bool = False) -> AsyncIterator[int]:
    """Answers like the API, each stream with two messages."""

    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.create_task(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
            await reader.readexactly(length)
            if "text/event-stream" in head:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
                writer.write(b"id: 1\ndata: {}\n\nid: 2\ndata: {}\n\n")
                break
            status = "503 Away" if fails and head.startswith("get") else "200 OK"
            body = json.dumps({"id": "j1"}).encode()
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*handlers)  # the clients have hung up


@pytest.mark.parametrize("follow", ["sse", "wait", "none"])
async def test_every_client_looks_and_follows(follow: Follow) -> None:
    async with api() as port:
        load = Load("127.0.0.1", port, num_clients=4, seconds=5.0, submit_every_s=0.5, follow=follow)
        clients = Clients(load, {"prompt": "p"})
        await clients.run()
    seen = clients.seen
    assert len(seen.statuses_s) >= 4
    assert len(seen.jobs) == len(seen.submits_s) >= 1
    assert (seen.num_frames > 0) == (follow == "sse")
    assert not seen.errors
    figures = report(load, seen, MemoryLog({}), {})
    assert figures["status_ms"]["count"] == len(seen.statuses_s)
    assert "| status |" in table(figures)


async def test_failures_are_counted_and_told() -> None:
    async with api(fails=True) as port:
        load = Load("127.0.0.1", port, num_clients=2, seconds=0.5, submit_every_s=5.0, follow="none")
        clients = Clients(load, {})
        await clients.run()
    assert set(clients.seen.errors) == {"GET /v1/jobs: 503"}
    figures = report(load, clients.seen, MemoryLog({}), {})
    assert not is_met(figures)


async def test_a_connection_that_breaks_is_opened_again() -> None:
    async with api() as port:
        connection = Connection("127.0.0.1", port)
        assert [line async for line in connection.stream("/x")][:2] == [b"id: 1\n", b"data: {}\n"]
        assert await connection.ask("GET", "/x") == (200, b'{"id": "j1"}')
        connection.close()


def test_percentiles_are_values_that_were_seen() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (50, 95, 99, 100)] == [50.0, 95.0, 99.0, 100.0]
    assert percentile([7.0], 50) == 7.0
