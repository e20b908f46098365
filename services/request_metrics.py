"""Every request counted and timed by the route that served it, never by a path that a caller made up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNKNOWN_ROUTE = "other"


class Requests(Protocol):
    """Metrics that want to know of requests."""

    def request_ended(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        ...


class RequestMetrics:
    """Tells ``metrics`` of every request: its route, the status (500 where no answer began), the seconds."""

    def __init__(self, app: ASGIApp, metrics: Requests, named: Callable[[Scope], str] | None = None) -> None:
        """``named``: what the route is called; its path when None."""
        self._app = app
        self._metrics = metrics
        self._named = named or route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = time.perf_counter()
        status = 500

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        finally:
            self._metrics.request_ended(self._named(scope), status, time.perf_counter() - started_at)


def route_of(scope: Scope) -> str:
    """The path of the route that serves a request, ``other`` where there is none."""
    return str(getattr(scope.get("route"), "path", UNKNOWN_ROUTE))
