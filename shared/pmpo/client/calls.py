"""One exchange with the API as plain values, so that the client's logic is written once for both of its faces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from pmpo.errors import InvalidInputError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        path: below the API's address, with a leading slash.
        is_repeatable: whether sending it twice does no more than sending it once.
        timeout_s: how long the answer may take.
        body_file: what is sent in the place of ``body``, read piece by piece.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    timeout_s: float
    is_repeatable: bool
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    body_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is. A ``Retry-After`` above ``max_retry_after_s`` ends the retries instead of being cut."""

    max_attempts: int = 4
    first_wait_s: float = 0.2
    max_wait_s: float = 5.0
    max_retry_after_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse a client that would never ask."""
        if self.max_attempts < 1:
            raise InvalidInputError(f"max_attempts is {self.max_attempts}; it must be at least 1")


class UnreachedError(Exception):
    """No answer came. ``was_sent`` tells whether the API may have seen the request."""

    def __init__(self, reason: str, *, was_sent: bool) -> None:
        super().__init__(reason)
        self.was_sent = was_sent


class Stream(Protocol):
    """A response that is read as it comes. Header names are in lower case."""

    @property
    def status(self) -> int:
        """The status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""
        ...

    async def read(self) -> bytes:
        """All of the body. Raises UnreachedError: it broke off."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """The body piece by piece. Raises UnreachedError: it broke off, or was silent for too long."""
        ...

    def lines(self) -> AsyncIterator[str]:
        """The body line by line, without line ends. Raises UnreachedError: it broke off, or was silent for too long."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


class Transport(Protocol):
    """What carries calls: one that blocks, one for asyncio."""

    async def send(self, call: Call) -> Answer:
        """The answer to ``call``, whatever its status.

        Raises:
            UnreachedError: no answer came.
        """

    async def open(self, call: Call) -> Stream:
        """The answer to ``call``, whatever its status, to be read as it comes; ``timeout_s`` bounds every silence.

        Raises:
            UnreachedError: no answer came.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def work(self, function: Callable[[], T]) -> T:
        """The result of ``function``, which reads files or computes for a while, and touches nothing that others do."""
        ...

    async def close(self) -> None:
        """Give every connection back."""
