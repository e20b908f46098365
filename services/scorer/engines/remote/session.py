"""Many calls to a fleet at once: the least loaded server first, bounded tries with jitter, sick servers left out."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from pmpo.errors import PmpoError, ScorerUnavailableError, UpstreamError
from services.scorer.engines.remote.dialects.base import Call
from services.scorer.engines.remote.fleet import Fleet, Server
from services.scorer.engines.remote.transport import Access, ServerDownError, TryAgainError

logger = logging.getLogger(__name__)
_Value = TypeVar("_Value")
Check = Callable[[httpx.AsyncClient, Server], Awaitable[str | None]]


async def no_check(http: httpx.AsyncClient, server: Server) -> str | None:
    """Use a server again without asking it anything first."""
    return None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.

    Attributes:
        max_tries: of one call, the first included; a server that was down does not use one up.
        first_wait_s: the wait after a failed try is drawn below this, then below its double, and so on.
        max_wait_s: no wait between two tries is longer, whatever ``Retry-After`` says.
        outage_s: how long to wait for any server when none is in use, or all that come back fail a call again.
    """

    max_tries: int = 5
    first_wait_s: float = 0.25
    max_wait_s: float = 20.0
    outage_s: float = 30.0


@dataclass(slots=True)
class Session:
    """The calls of one event loop. ``check`` says why a server that was out may not be used yet, or None."""

    fleet: Fleet
    access: Access
    patience: Patience
    check: Check
    _http: httpx.AsyncClient = field(init=False)
    _changed: asyncio.Condition = field(init=False)
    _all_out_since: float | None = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        """Open the connections. Where no server is in use, all may be tried at once: who asks now knows no better."""
        if self.fleet.all_out():
            self.fleet.end_waits(time.monotonic())
        self._http = self.access.open()
        self._changed = asyncio.Condition()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._http.aclose()

    async def call(self, call: Call, num_tokens: int, read: Callable[[Any], _Value]) -> _Value:
        """What ``read`` makes of the answer.

        Raises:
            ScorerUnavailableError: no server of the fleet answers.
            PmpoError: what the server refused, or failed at in every try.
        """
        num_tries = 0
        down_since: float | None = None
        while True:
            server = await self._take(num_tokens)
            try:
                answer = await self.access.ask(self._http, server.url, call.path, call.body)
                return _read(read, answer, server)
            except ServerDownError as down:
                self._eject(server, str(down))
                down_since = down_since or time.monotonic()
                if time.monotonic() - down_since >= self.patience.outage_s:  # none that comes back serves this call
                    raise self._outage() from None
            except TryAgainError as failed:
                num_tries += 1
                if num_tries >= self.patience.max_tries:
                    raise failed.error from None
                await asyncio.sleep(self._wait_s(num_tries, failed.after_s))
            finally:
                await self._give_back(server, num_tokens)

    async def _take(self, num_tokens: int) -> Server:
        """A server for a call; waits while all are busy, and for a bounded time while all are out."""
        while True:
            if trial := self.fleet.try_trial(time.monotonic()):
                await self._try_out(trial)
                continue
            async with self._changed:
                if server := self.fleet.try_take(num_tokens, time.monotonic()):
                    self._all_out_since = None
                    return server
                left_s, due_s = self._outage_left_s(), self.fleet.next_trial_s(time.monotonic())
                wait_s = min((each for each in (left_s, due_s) if each is not None), default=None)
                try:
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
                except TimeoutError:
                    pass

    async def _try_out(self, server: Server) -> None:
        """Check a server that was out; whatever happens it is no longer on trial afterwards."""
        reason: str | None = "the check was broken off"
        try:
            reason = await self.check(self._http, server)
        finally:
            if reason is None:
                logger.info("the model server at %s is in use again", server.url)
                self.fleet.readmit(server)
            else:
                self.fleet.eject(server, reason, time.monotonic())
        async with self._changed:
            self._changed.notify_all()

    async def _give_back(self, server: Server, num_tokens: int) -> None:
        self.fleet.give_back(server, num_tokens)
        async with self._changed:
            self._changed.notify_all()

    def _eject(self, server: Server, reason: str) -> None:
        if self.fleet.eject(server, reason, time.monotonic()):
            logger.warning("the model server at %s is left out for now: %s", server.url, reason)

    def _outage_left_s(self) -> float | None:
        """How long to wait on for a server; None while one is in use. Raises when the outage has lasted too long."""
        if not self.fleet.all_out():
            self._all_out_since = None
            return None
        now = time.monotonic()
        self._all_out_since = self._all_out_since or now
        left_s = self._all_out_since + self.patience.outage_s - now
        if left_s <= 0:
            raise self._outage()
        return left_s

    def _outage(self) -> ScorerUnavailableError:
        return ScorerUnavailableError(f"no model server answers ({self.fleet.reasons()}); start it, then try again")

    def _wait_s(self, num_tries: int, asked_s: float) -> float:
        bound = self.patience.first_wait_s * 2 ** (num_tries - 1)
        return min(self.patience.max_wait_s, asked_s + random.uniform(0.0, bound))  # noqa: S311 (jitter)


def _read(read: Callable[[Any], _Value], answer: Any, server: Server) -> _Value:
    """What ``read`` makes of an answer, its complaints with the server's address."""
    try:
        return read(answer)
    except PmpoError as error:
        raise UpstreamError(f"the model server at {server.url}: {error.message}") from None
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise UpstreamError(f"the model server at {server.url} gave an answer of another form: {error}") from None
