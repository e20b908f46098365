"""Send a call, try again where that is safe, and raise what the service raised."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pydantic import ValidationError

from pmpo.client.calls import Answer, Call, Retries, Stream, T, Transport, UnreachedError
from pmpo.contracts.problems import PROBLEM_MEDIA_TYPE, Problem, from_problem
from pmpo.errors import OverloadedError, PmpoError, UnavailableError, UpstreamError

if TYPE_CHECKING:
    from tenacity import RetryCallState

HOW_TO_START = "start one with `pmpo up` or set PMPO_URL"
_GATEWAY_STATUSES = frozenset({502, 503, 504})


class Exchange:
    """Calls to one API."""

    def __init__(self, transport: Transport, url: str, retries: Retries) -> None:
        self._transport = transport
        self._url = url
        self._retries = retries

    async def send(self, call: Call) -> Answer:
        """The API's answer to ``call``, of a status below 400.

        A connection that was never made and a 429 (refused before any work) are tried again for every call; a
        connection that broke, 502, 503 and 504 only for repeatable ones.

        Raises:
            UnavailableError: no API answers, after the last attempt.
            PmpoError: what the API answered, as the class that it raised.
        """
        return await self._send(call, self._transport.send)

    async def download(self, call: Call, path: Path) -> Answer:
        """The same with the answer's body in a file, which each attempt begins anew.

        Raises:
            OSError: the file cannot be written.
        """

        async def attempt(call: Call) -> Answer:
            stream = await self._transport.open(call)
            try:
                if stream.status >= 400:
                    return Answer(stream.status, stream.headers, await stream.read())
                with path.open("wb") as file:
                    async for piece in stream.pieces():
                        file.write(piece)
                return Answer(stream.status, stream.headers, b"")
            finally:
                await stream.close()

        return await self._send(call, attempt)

    async def _send(self, call: Call, sending: Callable[[Call], Awaitable[Answer]]) -> Answer:
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        retrying = AsyncRetrying(
            sleep=self._transport.sleep,
            stop=stop_after_attempt(self._retries.max_attempts),
            retry=retry_if_exception(lambda error: self._may_repeat(call, error)),
            wait=self._wait_s,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, call, sending)
        except UnreachedError as error:
            self._raise_unreached(call, error)

    async def open(self, call: Call) -> Stream:
        """The API's answer to ``call``, of a status below 400, to be read as it comes. Asked for once.

        Raises:
            UnavailableError: no API answers.
            PmpoError: what the API answered, as the class that it raised.
        """
        try:
            stream = await self._transport.open(call)
            if stream.status < 400:
                return stream
            try:
                body = await stream.read()
            finally:
                await stream.close()
        except UnreachedError as error:
            self._raise_unreached(call, error)
        raise self._error(Answer(stream.status, stream.headers, body))

    async def try_once(self, call: Call) -> Answer | None:
        """The answer, of any status; None when there is none."""
        try:
            return await self._transport.send(call)
        except UnreachedError:
            return None

    async def sleep(self, seconds: float) -> None:
        """Wait as the transport waits."""
        await self._transport.sleep(seconds)

    async def work(self, function: Callable[[], T]) -> T:
        """The result of a function that takes a while, where the transport lets it be computed."""
        return await self._transport.work(function)

    async def close(self) -> None:
        """Close the transport."""
        await self._transport.close()

    async def _attempt(self, call: Call, sending: Callable[[Call], Awaitable[Answer]]) -> Answer:
        answer = await sending(call)
        if answer.status < 400:
            return answer
        raise self._error(answer)

    def _may_repeat(self, call: Call, error: BaseException) -> bool:
        if isinstance(error, UnreachedError):
            return call.is_repeatable or not error.was_sent
        if not isinstance(error, PmpoError) or (error.retry_after_s or 0.0) > self._retries.max_retry_after_s:
            return False
        return error.status == 429 or (call.is_repeatable and error.retryable)

    def _wait_s(self, state: RetryCallState) -> float:
        """Exponential with full jitter, never less than what the API asked for."""
        error = state.outcome.exception() if state.outcome else None
        asked_s = error.retry_after_s if isinstance(error, PmpoError) else None
        longest_s = min(self._retries.max_wait_s, self._retries.first_wait_s * 2 ** (state.attempt_number - 1))
        return max(asked_s or 0.0, random.uniform(longest_s / 2, longest_s))  # noqa: S311 (jitter)

    def _error(self, answer: Answer) -> PmpoError:
        error = _rebuilt(answer) or self._foreign(answer)
        if error.retry_after_s is None:
            error.retry_after_s = _retry_after_s(answer.headers.get("retry-after"))
        return error

    def _foreign(self, answer: Answer) -> PmpoError:
        """An error page that is no problem of ours: a gateway's, or another program's."""
        if answer.status == 429:
            return OverloadedError(f"{self._url} answered 429 (too many requests); try again later")
        if answer.status in _GATEWAY_STATUSES:
            return UnavailableError(f"{self._url} answered {answer.status}: the API behind it is down; {HOW_TO_START}")
        return UpstreamError(f"{self._url} answered {answer.status} and is no PMPO API; {HOW_TO_START}")

    def _raise_unreached(self, call: Call, error: UnreachedError) -> NoReturn:
        if not error.was_sent:
            raise UnavailableError(f"no PMPO API answers at {self._url}; {HOW_TO_START}") from error
        hint = "" if call.is_repeatable else " and the request may have been carried out"
        raise UnavailableError(
            f"the PMPO API at {self._url} broke off or took more than {call.timeout_s:.0f} s{hint}; "
            "see whether it runs, then try again"
        ) from error


def _rebuilt(answer: Answer) -> PmpoError | None:
    """The error that a problem document tells of; None when the body is none."""
    if not answer.headers.get("content-type", "").startswith(PROBLEM_MEDIA_TYPE):
        return None
    try:
        return from_problem(Problem.model_validate_json(answer.body))
    except ValidationError:
        return None


def _retry_after_s(header: str | None) -> float | None:
    """The header's seconds; it holds a number or a date."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
