"""A real HTTP server that stands in for the part of GitHub's API that a comment needs."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-this-test"  # made up
REPOSITORY = "somebody/prompts"
NUMBER = 7


@dataclass
class GitHub:
    """Comments of one pull request. ``status``: what is answered to whoever writes; 0: the comment."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    status: int = 0

    def settings(self, folder: Path) -> dict[str, str]:
        """The variables of a job for the pull request, whose event is a file of ``folder``."""
        event = folder / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": NUMBER}}), encoding="utf-8")
        return {"GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_EVENT_PATH": str(event)}

    def add(self, body: str) -> dict[str, Any]:
        """A comment, with GitHub's limit on its length."""
        assert len(body) <= 65_536
        number = len(self.comments) + 1
        comment = {"id": number, "body": body, "html_url": f"{self.url}/comment-{number}"}
        self.comments.append(comment)
        return comment

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, Any]:
        """Status and answer."""
        parts = urlsplit(target)
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials"}
        if method == "GET" and parts.path == f"/repos/{REPOSITORY}/issues/{NUMBER}/comments":
            query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
            start = (query["page"] - 1) * query["per_page"]
            return 200, self.comments[start : start + query["per_page"]]
        if self.status:
            return self.status, {"message": "Resource not accessible by integration"}
        self.writes.append(method)
        if method == "POST" and parts.path == f"/repos/{REPOSITORY}/issues/{NUMBER}/comments":
            return 201, self.add(json.loads(body)["body"])
        known = re.fullmatch(rf"/repos/{REPOSITORY}/issues/comments/(\d+)", parts.path)
        if method == "PATCH" and known:
            comment = self.comments[int(known[1]) - 1]
            comment["body"] = json.loads(body)["body"]
            return 200, comment
        return 404, {"message": "Not Found"}


@contextmanager
def serving() -> Iterator[GitHub]:
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, value = github.answer(self.command, self.path, self.headers.get("authorization", ""), body)
            sent = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_POST = do_PATCH = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    github.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
