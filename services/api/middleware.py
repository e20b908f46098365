"""What happens around every request: its id, the limit of its body, and an answer even to a defect."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Container

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pmpo.contracts.problems import to_problem
from pmpo.errors import BodyTooLargeError
from services.api.problems import defect_response, problem_response

MAX_BODY_BYTES = 10 * 1024 * 1024
REQUEST_ID = "x-request-id"
_USABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestFrame:
    """Gives each request an id (the caller's, when it is usable), and each answer the same one.

    Bodies are limited, but for the paths in ``unbounded``, whose routes read them piece by piece under limits of their
    own.
    """

    def __init__(
        self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES, unbounded: Container[str] = frozenset()
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._unbounded = unbounded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        request_id = given if _USABLE_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        limit = None if scope["path"].rstrip("/") in self._unbounded else self._max_body_bytes
        exchange = _Exchange(receive, send, request_id, limit)
        try:
            exchange.check_length(headers.get("content-length"))
            await self._app(scope, exchange.receive, exchange.send)
        except BodyTooLargeError as error:
            await exchange.answer(problem_response(to_problem(error, request_id)), scope)
        except Exception as error:
            await exchange.answer(defect_response(error, request_id), scope)


class _Exchange:
    """One request's body, counted, and its answer, marked with the request's id."""

    def __init__(self, receive: Receive, send: Send, request_id: str, max_body_bytes: int | None) -> None:
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._max_body_bytes = math.inf if max_body_bytes is None else max_body_bytes
        self._num_bytes = 0
        self._has_started = False

    def check_length(self, announced: str | None) -> None:
        """Refuse a body that is announced as too large before a byte of it is read."""
        if announced is not None and announced.isdecimal() and int(announced) > self._max_body_bytes:
            raise self._too_large()

    async def receive(self) -> Message:
        message = await self._receive()
        self._num_bytes += len(message.get("body", b""))
        if self._num_bytes > self._max_body_bytes:
            raise self._too_large()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_started = True
            MutableHeaders(scope=message)[REQUEST_ID] = self._request_id
        await self._send(message)

    async def answer(self, response: ASGIApp, scope: Scope) -> None:
        """Answer unless the answer had begun, which only closing the connection can tell of then."""
        if not self._has_started:
            await response(scope, self._receive, self.send)

    def _too_large(self) -> BodyTooLargeError:
        limit_mb = self._max_body_bytes / 1024 / 1024
        return BodyTooLargeError(f"the body is larger than {limit_mb:g} MB; send fewer rows or shorter texts")
