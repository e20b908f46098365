"""API keys. A secret is not kept: its SHA-256 knows it again, and nobody finds 256 random bits from that."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT

from pmpo.contracts.keys import Scope
from pmpo.errors import NotFoundError, UnauthorizedError
from services.store import keys
from services.store.connection import Commands

LAST_USE_EXACT_TO_S = 3600.0
_KEY = re.compile(r"pmpo_(?P<id>[0-9a-f]{12})_(?P<secret>[0-9a-f]{64})")
_FIELDS = ("digest", "name", "project", "scopes", "created_at", "last_used_at", "expires_at")
_NO_DIGEST = "0" * 64
# KEYS: key.  ARGV: now. A key that was revoked meanwhile stays away.
_NOTE_USE = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'last_used_at', ARGV[1]) end
"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key. Times are seconds since the epoch; ``last_used_at`` is exact to ``LAST_USE_EXACT_TO_S``."""

    id: str
    name: str
    project: str
    scopes: frozenset[Scope]
    created_at: float
    last_used_at: float | None
    expires_at: float | None


class ApiKeys:
    """All keys of one Redis. The text of a key is ``pmpo_<id>_<secret>``; its id is no secret."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._note_use = redis.register_script(_NOTE_USE)

    async def create(
        self, project: str, name: str, scopes: Sequence[Scope], expires_in_s: float | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which nobody can find out later.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        key_id, secret, now = secrets.token_hex(6), secrets.token_hex(32), time.time()
        expires_at = None if expires_in_s is None else now + expires_in_s
        fields: dict[FieldT, EncodableT] = {
            "digest": _digest(secret),
            "name": name,
            "project": project,
            "scopes": ",".join(scopes),
            "created_at": now,
            **({} if expires_at is None else {"expires_at": expires_at}),
        }
        pipe = self._redis.pipeline(transaction=True)
        pipe.hset(keys.api_key(key_id), mapping=fields)
        pipe.sadd(keys.api_keys(project), key_id)
        pipe.sadd(keys.API_KEYS, key_id)
        await self._commands.run(cast(Awaitable[object], pipe.execute()))
        return ApiKey(key_id, name, project, frozenset(scopes), now, None, expires_at), f"pmpo_{key_id}_{secret}"

    async def check(self, text: str) -> ApiKey:
        """The key that ``text`` is. Secrets are compared in constant time.

        Raises:
            UnauthorizedError: it is none, was revoked or has run out.
            StoreUnavailableError: Redis does not answer.
        """
        parts = _KEY.fullmatch(text)
        if parts is None:
            raise UnauthorizedError("that is no key of this API: a key looks like pmpo_<id>_<secret>; copy all of it")
        found, digest = await self._read(parts["id"])
        if not hmac.compare_digest(digest, _digest(parts["secret"])) or found is None:
            raise UnauthorizedError(
                f"key {parts['id']} is not known: its secret is another, or it was revoked; "
                "ask an admin of your project for a new one (pmpo keys create)"
            )
        now = time.time()
        if found.expires_at is not None and found.expires_at <= now:
            raise UnauthorizedError(
                f"key {found.id} has expired; ask an admin of your project for a new one (pmpo keys create)"
            )
        if found.last_used_at is None or now - found.last_used_at >= LAST_USE_EXACT_TO_S:
            await self._commands.run(self._note_use(keys=[keys.api_key(found.id)], args=[now]))
        return found

    async def of_project(self, project: str) -> list[ApiKey]:
        """A project's keys, oldest first.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        reading = cast(Awaitable[set[bytes]], self._redis.smembers(keys.api_keys(project)))
        found = [(await self._read(each.decode()))[0] for each in await self._commands.run(reading)]
        return sorted((key for key in found if key is not None), key=lambda key: (key.created_at, key.id))

    async def revoke(self, project: str, key_id: str) -> None:
        """Delete a key of a project: from now on it is not known.

        Raises:
            NotFoundError: the project has no such key.
            StoreUnavailableError: Redis does not answer.
        """
        if not await self._commands.run(self._redis.sismember(keys.api_keys(project), key_id)):
            raise NotFoundError(f"there is no key {key_id!r:.80}; list the keys with GET /v1/keys or `pmpo keys list`")
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(keys.api_key(key_id))
        pipe.srem(keys.api_keys(project), key_id)
        pipe.srem(keys.API_KEYS, key_id)
        await self._commands.run(cast(Awaitable[object], pipe.execute()))

    async def has_any(self) -> bool:
        """Whether any project has a key.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        return bool(await self._commands.run(self._redis.scard(keys.API_KEYS)))

    async def _read(self, key_id: str) -> tuple[ApiKey | None, str]:
        """A key, and the digest of its secret; no secret has the digest of a key that is not there."""
        reading = cast(Awaitable[list[bytes | None]], self._redis.hmget(keys.api_key(key_id), list(_FIELDS)))
        values = await self._commands.run(reading)
        found = {name: value.decode() for name, value in zip(_FIELDS, values, strict=True) if value is not None}
        if "digest" not in found:
            return None, _NO_DIGEST
        return _record(key_id, found), found["digest"]


def _record(key_id: str, found: dict[str, str]) -> ApiKey:
    return ApiKey(
        id=key_id,
        name=found["name"],
        project=found["project"],
        scopes=cast(frozenset[Scope], frozenset(found["scopes"].split(","))),
        created_at=float(found["created_at"]),
        last_used_at=float(found["last_used_at"]) if "last_used_at" in found else None,
        expires_at=float(found["expires_at"]) if "expires_at" in found else None,
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
