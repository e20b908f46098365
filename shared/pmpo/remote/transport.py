"""Calls to a server: one deadline a try, bounded retries with jitter, request ids, problems turned back into errors."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pmpo.contracts.scoring import DEADLINE_HEADER, JOB_HEADER
from pmpo.errors import PmpoError, UnavailableError, UpstreamError
from pmpo.remote.breaker import Breakers
from pmpo.remote.refusals import as_ours, error_of
from pmpo.remote.route import LeftAloneError, Route

DOWN_STATUSES = frozenset({502, 503, 504})
RETRIED_STATUSES = frozenset({429}) | DOWN_STATUSES


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after what waits a call is tried again.

    Attributes:
        max_tries: the first one included.
        first_wait_s: the wait is drawn below this, then below its double, and so on.
        max_wait_s: no wait is longer, whatever ``Retry-After`` says.
        is_probing: a check with a short deadline: it asks a server that is left alone too, and its failure counts for
            nothing there.
    """

    max_tries: int = 5
    first_wait_s: float = 0.5
    max_wait_s: float = 30.0
    is_probing: bool = False


DEFAULT_POLICY = RetryPolicy()
WHEN_SLOW = " (PMPO_UPSTREAM_TIMEOUT_S); raise the limit or add capacity"


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is called: the base address, what messages call it, the error and the remedy when it does not answer.

    ``urls`` of several replicas are asked in turn when one fails. ``key`` goes as a bearer token; ``job``: whose calls
    these are, so that a scorer can let jobs take turns. ``when_slow``: what is said after the time that it had.
    """

    urls: Sequence[str]
    noun: str
    unavailable: type[UnavailableError]
    remedy: str
    key: str | None = None
    job: str | None = None
    when_slow: str = WHEN_SLOW


class _TransientError(Exception):
    """A try that failed in a way that another may not. ``error`` is what to raise when there is none left."""

    def __init__(self, error: PmpoError) -> None:
        super().__init__(str(error))
        self.error = error


class Upstream:
    """JSON to and from one peer. A cancelled task closes its call.

    Of several replicas each gets a try before a wait, and one that failed is left until the others have failed too. A
    server whose breaker is open gets no call at all: a call that finds nobody to ask fails at once, and so does one
    that waited for its next try.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        peer: Peer,
        *,
        timeout_s: float,
        policy: RetryPolicy = DEFAULT_POLICY,
        breakers: Breakers | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._peer = peer
        self._route = Route(peer.urls, peer.job, breakers, is_probing=policy.is_probing)
        self._timeout_s = timeout_s
        self._policy = policy
        self._sleep = sleep
        self._backoff = wait_random_exponential(policy.first_wait_s, policy.max_wait_s)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that answers a body.

        Tried again: a refused or broken connection, 429 (after its ``Retry-After``), 502, 503, 504. All tries carry
        one ``x-request-id``.

        Raises:
            UnavailableError: the peer's own kind: no connection, no answer in time, or its breaker is open, which
                says when it will be asked again.
            UpstreamError: an answer that is no JSON, a status that nobody documented, or no leave to ask.
            PmpoError: the class that the peer raised.
        """
        content = json.dumps(body, separators=(",", ":")).encode()
        return await self._call("POST", path, content, {**self._headers(), "content-type": "application/json"})

    async def get(self, path: str) -> Any:
        """The JSON at a path. Tries and raises as ``post``."""
        return await self._call("GET", path, None, self._headers())

    def _headers(self) -> dict[str, str]:
        headers = {"x-request-id": uuid.uuid4().hex, DEADLINE_HEADER: str(max(1, int(self._timeout_s * 1000)))}
        if self._peer.key is not None:
            headers["authorization"] = f"Bearer {self._peer.key}"
        if self._peer.job is not None:
            headers[JOB_HEADER] = self._peer.job
        return headers

    async def _call(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> Any:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_TransientError),
            stop=stop_after_attempt(self._policy.max_tries + len(self._route) - 1),
            wait=self._wait_s,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._try, method, path, content, headers)
        except _TransientError as last:
            raise last.error from None

    async def _try(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> Any:
        try:
            url, given = self._route.enter()
        except LeftAloneError as error:
            raise self._left_alone(error) from None
        try:
            response = await self._answer(method, url, path, content, headers)
        except asyncio.CancelledError:
            self._route.given_up(url, given)
            raise
        except (_TransientError, UnavailableError) as error:
            self._route.failed(url, given, str(error))
            raise
        except UpstreamError:
            self._route.answered(url)
            raise
        if response.status_code in DOWN_STATUSES:
            self._route.failed(url, given, f"status {response.status_code}")
        elif response.status_code in RETRIED_STATUSES:
            self._route.busy(url)
        else:
            self._route.answered(url)
        return self._read(url, path, response, headers["x-request-id"])

    def _left_alone(self, error: LeftAloneError) -> UnavailableError:
        peer = self._peer
        return peer.unavailable(
            f"the {peer.noun} at {' or '.join(peer.urls)} failed several times in a row and is left alone for "
            f"{error.wait_s:.1f} s more (last: {error.reason})",
            retry_after_s=error.wait_s,
        )

    async def _answer(
        self, method: str, url: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        peer = self._peer
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._http.request(method, url + path, content=content, headers=dict(headers))
        except TimeoutError:
            message = f"the {peer.noun} at {url} did not answer within {self._timeout_s:g} s{peer.when_slow}"
            raise peer.unavailable(message) from None
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            message = f"the {peer.noun} at {url} does not answer ({reason}); {peer.remedy}"
            raise _TransientError(peer.unavailable(message)) from None
        except httpx.HTTPError as error:
            raise UpstreamError(f"the {peer.noun} at {url} gave an answer that cannot be read: {error}") from None

    def _read(self, url: str, path: str, response: httpx.Response, request_id: str) -> Any:
        where = f"the {self._peer.noun} at {url}"
        if response.status_code != httpx.codes.OK:
            error = as_ours(error_of(response, where, path, self._peer.unavailable), where)
            raise _TransientError(error) if response.status_code in RETRIED_STATUSES else error
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            raise UpstreamError(f"{where} answered {path} with what is no JSON (request {request_id})") from None

    def _wait_s(self, state: RetryCallState) -> float:
        """None while there is a replica that has not been tried; else random below a doubling bound, after
        ``Retry-After`` when the peer named one.
        """
        if state.attempt_number < len(self._route):
            return 0.0
        failure = state.outcome.exception() if state.outcome is not None else None
        asked = failure.error.retry_after_s if isinstance(failure, _TransientError) else None
        return min(self._policy.max_wait_s, (asked or 0.0) + self._backoff(state))
