"""The way to Redis, and what is said when it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.exceptions import RedisError

from pmpo.errors import ConfigurationError, StoreUnavailableError

T = TypeVar("T")
SOCKET_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 3.0
RETRY_AFTER_S = 1.0
MAX_CONNECTIONS = 32


def connect(url: str | None) -> redis.asyncio.Redis:
    """A client for asyncio; no connection is opened yet. Commands beyond ``MAX_CONNECTIONS`` wait for one.

    Raises:
        ConfigurationError: no address, or one that is none.
    """
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        _checked(url),
        max_connections=MAX_CONNECTIONS,
        timeout=SOCKET_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
    )
    return redis.asyncio.Redis.from_pool(pool)


def connect_blocking(url: str | None) -> redis.Redis:
    """A blocking client, for RQ; no connection is opened yet. RQ itself widens the time-out of blocking reads.

    Raises:
        ConfigurationError: no address, or one that is none.
    """
    return redis.Redis.from_url(
        _checked(url), socket_timeout=SOCKET_TIMEOUT_S, socket_connect_timeout=CONNECT_TIMEOUT_S
    )


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the errors of Redis and of the network under it into StoreUnavailableError."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreUnavailableError(_sentence(error), retry_after_s=RETRY_AFTER_S) from error


class Commands:
    """Runs every command to its end, also when its caller is cancelled in the middle.

    A cancellation that reaches redis-py in mid-command is lost there (8.1.0 on Python 3.11: about one in two), and the
    task that was cancelled goes on for ever. Here it reaches the caller at once, and the command ends by itself.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Future[Any]] = set()

    async def run(self, command: Awaitable[T]) -> T:
        """The command's answer.

        Raises:
            StoreUnavailableError: Redis or the network failed.
        """
        running = asyncio.ensure_future(command)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        with store_errors():
            return await asyncio.shield(running)


def ping_blocking(client: redis.Redis) -> None:
    """Ask Redis whether it is there, over a blocking client.

    Raises:
        StoreUnavailableError: it is not.
    """
    with store_errors():
        client.ping()


def _checked(url: str | None) -> str:
    if not url:
        raise ConfigurationError("PMPO_REDIS_URL is not set; give a Redis' address, or start everything with: pmpo up")
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ConfigurationError("PMPO_REDIS_URL is not usable: it must begin with redis://, rediss:// or unix://")
    return url


def _sentence(error: Exception) -> str:
    """What a person is told: why, and what to do. Redis says MISCONF while it cannot write its files."""
    reason = _first_line(error)
    _, misconf, why = reason.partition("MISCONF ")
    if misconf:
        return f"Redis takes no writes ({why}); free space on its disk, and it goes on by itself"
    if "OOM command not allowed" in reason:
        return "Redis takes no writes: its maxmemory is reached; raise it, or clear away with `pmpo gc`"
    return f"Redis does not answer as it should ({reason}); check that it runs and that PMPO_REDIS_URL points to it"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
