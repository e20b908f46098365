"""The limit of a request's body: what is larger is never held in memory or parsed."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pmpo.errors import BodyTooLargeError

MAX_BODY_BYTES = 16 * 1024 * 1024  # above the API's 10 MB: whatever it lets in can be scored


class BodyLimit:
    """Raises ``BodyTooLargeError`` out of ``receive``, at once for a body that is announced as too large."""

    def __init__(self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        announced_bytes = int(announced) if announced.isdecimal() else 0
        num_bytes = 0

        async def limited_receive() -> Message:
            nonlocal num_bytes
            self._check(announced_bytes)
            message = await receive()
            num_bytes += len(message.get("body", b""))
            self._check(num_bytes)
            return message

        await self._app(scope, limited_receive, send)

    def _check(self, num_bytes: int) -> None:
        if num_bytes > self._max_body_bytes:
            limit_mb = self._max_body_bytes / 1024 / 1024
            raise BodyTooLargeError(f"the body is larger than {limit_mb:g} MB; send fewer rows or shorter texts")
