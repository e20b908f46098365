"""Answers to requests that carried an ``Idempotency-Key``, remembered together with what the request created."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from pmpo.errors import IdempotencyKeyReusedError
from services.store import keys
from services.store.connection import Commands

_DIGEST_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A creating request under a caller's key.

    Attributes:
        project: whose caller asks; each project has its own keys.
        route: what was asked, for example ``POST /v1/jobs``; the same key may be used on each route.
        key: the caller's name of this very request.
        body: what was sent, in a form that is equal for equal requests.
    """

    project: str
    route: str
    key: str
    body: bytes

    @property
    def redis_key(self) -> str:
        """Where its answer is remembered; the caller's own text never becomes a name in Redis."""
        return keys.idempotency(hashlib.sha256(f"{self.project}\n{self.route}\n{self.key}".encode()).hexdigest())

    def record(self, answer: bytes) -> bytes:
        """What is remembered: the body's digest, then the answer."""
        return self._digest().encode() + answer

    def answer_in(self, record: bytes) -> bytes:
        """The remembered answer.

        Raises:
            IdempotencyKeyReusedError: it was the answer to another body.
        """
        if record[:_DIGEST_CHARACTERS].decode() != self._digest():
            hours = keys.IDEMPOTENCY_TTL_S // 3600
            raise IdempotencyKeyReusedError(
                f"Idempotency-Key {self.key!r} was used for another body on {self.route} in the last {hours} hours; "
                "give each new request a new key, or send the first body again"
            )
        return record[_DIGEST_CHARACTERS:]

    def _digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


class RememberedAnswers:
    """Looks answers up; they are written by the very script that creates what they tell of."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()

    async def find(self, request: KeyedRequest) -> bytes | None:
        """The answer that an earlier request of the same key and body got; None when there was none.

        Raises:
            IdempotencyKeyReusedError: the key was used for another body.
        """
        reading = cast(Awaitable[bytes | None], self._redis.get(request.redis_key))
        record = await self._commands.run(reading)
        return None if record is None else request.answer_in(record)
