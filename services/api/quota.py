"""Requests a minute: who sends more than the operator allows is told when to come back, before anything is read."""

from __future__ import annotations

import math
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from pmpo.contracts.problems import to_problem
from pmpo.errors import OverloadedError, StoreUnavailableError
from services.api.callers import Caller
from services.api.problems import problem_response


class RequestCounter(Protocol):
    """Where requests are counted. See ``services.store.quotas.RequestCounts``."""

    async def add(self, caller: str) -> tuple[int, float]:
        """How many requests the caller made in this minute, and the seconds until the next."""
        ...


class Quota:
    """Stands behind the gate. Each key has its own count; without keys all callers of a project share one.

    A Redis that is away refuses nobody here: the routes say so.
    """

    def __init__(self, app: ASGIApp, counter: RequestCounter, max_per_minute: int) -> None:
        self._app = app
        self._counter = counter
        self._max_per_minute = max_per_minute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        caller: Caller | None = scope.get("state", {}).get("caller") if scope["type"] == "http" else None
        if caller is not None:
            try:
                await self._check(caller)
            except OverloadedError as error:
                await problem_response(to_problem(error, scope["state"]["request_id"]))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _check(self, caller: Caller) -> None:
        name = f"key:{caller.key_id}" if caller.key_id else f"project:{caller.project}"
        try:
            num_requests, rest_s = await self._counter.add(name)
        except StoreUnavailableError:
            return
        if num_requests > self._max_per_minute:
            whose = f"key {caller.key_id}" if caller.key_id else f"project {caller.project}"
            raise OverloadedError(
                f"{whose} sent {num_requests} requests in this minute and {self._max_per_minute} are allowed "
                f"(PMPO_API_MAX_REQUESTS_PER_MINUTE); send this again in {math.ceil(rest_s)} s",
                retry_after_s=float(math.ceil(rest_s)),
            )
