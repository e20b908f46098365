"""What stands between the workers and the scorer: it writes down who asked what, and can be cut like a network."""

import contextlib
import hashlib
import http.client
import socket
import threading
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAID = ("/v1/score", "/v1/chat/completions")
FORWARDED = ("content-type", "authorization", "x-request-id")
Question = tuple[str, str, int]
"""Path, digest of the body, and how many answers the job's journal held when it was asked."""


class Proxy:
    """Serves on ``port`` until it is closed.

    A question that is asked again while the journal stands as it stood the first time is the call that was under way
    when something died. One that is asked again later would be a journaled call that is paid a second time.
    """

    def __init__(self, scorer_port: int, num_answers: Callable[[str], int | None]) -> None:
        self.questions: dict[str, set[Question]] = defaultdict(set)
        self.num_asked = 0
        self._scorer_port = scorer_port
        self._num_answers = num_answers
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Break every connection in the middle of whatever it carries."""
        with self._lock:
            broken = list(self._open)
        for connection in broken:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _note(self, path: str, job_id: str | None, body: bytes) -> None:
        if path not in PAID or job_id is None:
            return
        num_answers = self._num_answers(job_id)
        with self._lock:
            self.num_asked += 1
            if num_answers is not None:
                self.questions[job_id].add((path, hashlib.sha256(body).hexdigest(), num_answers))

    def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._scorer_port, timeout=120)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            kept = {name: answer.headers[name] for name in ("content-type", "retry-after") if name in answer.headers}
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _handler(proxy) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with proxy._lock:
                    proxy._open.add(self.connection)

            def finish(self) -> None:
                with proxy._lock:
                    proxy._open.discard(self.connection)
                with contextlib.suppress(OSError):
                    super().finish()

            def handle(self) -> None:
                with contextlib.suppress(OSError, http.client.HTTPException):  # either side is gone: so is the other
                    super().handle()

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                body = self.rfile.read(length)
                if len(body) < length:  # cut in the middle of it: nobody was asked anything
                    self.close_connection = True
                    return
                proxy._note(self.path, self.headers.get("x-pmpo-job"), body)
                headers = {name: self.headers[name] for name in FORWARDED if name in self.headers}
                status, kept, content = proxy._forward(self.command, self.path, headers, body)
                self.send_response(status)
                for name, value in {**kept, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_arguments: Any) -> None:
                """Nothing: the questions are kept."""

        return Handler
