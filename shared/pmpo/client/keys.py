"""The key routes, written once: ``Client`` and ``AsyncClient`` are two faces of these coroutines."""

from __future__ import annotations

from pmpo.client.answers import read
from pmpo.client.calls import Call
from pmpo.client.exchange import Exchange
from pmpo.client.paths import path_of
from pmpo.client.specs import Keys, body_of
from pmpo.contracts.keys import KeyCreated, KeysPage, NewKey


class KeyCalls:
    """API keys of the project whose key the client shows; each call needs one with the scope ``admin``."""

    _exchange: Exchange
    _timeout_s: float

    async def create_key(self, key: NewKey | Keys) -> KeyCreated:
        """Make a key. Its text is in this answer and nowhere else, so the request is not sent twice.

        Args:
            key: what it may do; a mapping of the same keys will do.

        Raises:
            InvalidInputError: a mapping that is no such thing; the message says where and why.
            ForbiddenError: the client's own key has no scope ``admin``.
        """
        headers = {"content-type": "application/json"}
        body = body_of(NewKey, key)
        call = Call("POST", "/v1/keys", self._timeout_s, is_repeatable=False, headers=headers, body=body)
        return read(KeyCreated, await self._exchange.send(call))

    async def list_keys(self) -> KeysPage:
        """The project's keys, oldest first, without their texts.

        Raises:
            ForbiddenError: the client's own key has no scope ``admin``.
        """
        return read(KeysPage, await self._exchange.send(Call("GET", "/v1/keys", self._timeout_s, is_repeatable=True)))

    async def revoke_key(self, key_id: str) -> None:
        """From now on the key is refused.

        Raises:
            NotFoundError: the project has no such key.
        """
        path = path_of("keys", key_id, "the key id is empty; give one that `pmpo keys list` prints")
        await self._exchange.send(Call("DELETE", path, self._timeout_s, is_repeatable=False))
