"""A real HTTP server on loopback that takes webhooks, as it is told."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Taken:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with each of ``statuses`` in turn, the last one again and again.

    ``fails_first_of``: of so many messages, one is answered 503 when it first comes; 0: none.
    """

    statuses: Sequence[int] = (200,)
    fails_first_of: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b"thanks"
    taken: list[Taken] = field(default_factory=list)
    is_silent: bool = False
    port: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        """The messages that came, each try of each."""
        return [taken.headers.get("webhook-id", "") for taken in self.taken]

    def status(self) -> int:
        """What the request that came last is answered with."""
        *before, last = self.ids
        if self.fails_first_of and last not in before and len(set(before)) % self.fails_first_of == 0:
            return 503
        return self.statuses[min(len(before), len(self.statuses) - 1)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def serving(receiver: Receiver) -> Iterator[Receiver]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            with lock:
                receiver.taken.append(Taken(self.path, named, body))
                status = receiver.status()
            if receiver.is_silent:
                receiver.released.wait(20)
                return
            self.send_response(status)
            for name, value in {**receiver.headers, "content-length": str(len(receiver.answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(receiver.answer)
            except OSError:
                self.close_connection = True

        def log_message(self, *_arguments: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # as many may come at once: beyond it the system resets connections

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = int(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
