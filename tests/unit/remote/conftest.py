"""A real HTTP server in a thread that answers as it is told and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from pmpo.runtime.http import open_http


@dataclass(frozen=True)
class Reply:
    """What one request gets. A ``body`` that is no text is sent as JSON; ``hang`` keeps the caller waiting for ever."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    close: bool = False


@dataclass(frozen=True)
class Asked:
    path: str
    headers: Mapping[str, str]
    body: Any


class ScriptedServer:
    """Gives the replies of ``script`` one by one, then what ``answer`` makes of the request."""

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.answer: Callable[[Asked], Reply] = lambda _: Reply(status=404)
        self.asked: list[Asked] = []
        self.arrived = threading.Event()
        self.hung_up = threading.Event()
        self.lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def reply_to(self, asked: Asked) -> Reply:
        with self.lock:
            self.asked.append(asked)
            scripted = self.script.pop(0) if self.script else None
        return scripted or self.answer(asked)

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _handler_of(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(Asked(self.path, dict(self.headers), None))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self._answer(Asked(self.path, dict(self.headers), json.loads(body)))

        def _answer(self, asked: Asked) -> None:
            reply = server.reply_to(asked)
            server.arrived.set()
            if reply.hang and self.connection.recv(1) == b"":
                server.hung_up.set()
            if reply.hang or reply.close:
                self.close_connection = True
                return
            content = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
            self.send_response(reply.status)
            for name, value in {"content-length": str(len(content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    running = ScriptedServer()
    yield running
    running.stop()


@pytest.fixture
def second() -> Iterator[ScriptedServer]:
    running = ScriptedServer()
    yield running
    running.stop()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http() as client:
        yield client
