"""Items as the batcher takes them: with what each adds to a round, and the key that its scores are remembered under.

Made on the thread that tokenises, while the engine works on something else.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from services.scorer.engines.base import EngineIdentity, TokenItem
from services.scorer.planner.groups import common_prefix

KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class PreparedItems:
    """The items of one request.

    Attributes:
        items: in the request's order.
        costs: for each item the tokens that it does not share with the one before it, at least 1: about what the engine
            will run when both are in one round.
        keys: for each item what decides its scores, as a digest; empty when scores are not remembered.
        num_tokens: context plus target tokens of all items.
    """

    items: tuple[TokenItem, ...]
    costs: tuple[int, ...]
    keys: tuple[bytes, ...]
    num_tokens: int


class ItemPreparer:
    """Prepares items for one model. ``remembers``: whether keys are wanted."""

    def __init__(self, identity: EngineIdentity, *, remembers: bool) -> None:
        parts = (identity.model, identity.revision, identity.dtype, identity.engine)
        self._identity = repr(parts).encode()
        self._remembers = remembers

    def prepare(self, items: Sequence[TokenItem]) -> PreparedItems:
        """The items with their costs and keys."""
        before: tuple[int, ...] = ()
        costs = []
        for item in items:
            ids = item.context + item.target
            costs.append(max(1, len(ids) - common_prefix(before, ids)))
            before = ids
        keys = tuple(self._key(item) for item in items) if self._remembers else ()
        return PreparedItems(tuple(items), tuple(costs), keys, sum(item.num_tokens for item in items))

    def _key(self, item: TokenItem) -> bytes:
        """Digest of model, revision, dtype, engine, token ids, and where the target starts."""
        digest = hashlib.blake2b(self._identity, digest_size=KEY_BYTES)
        digest.update(len(item.context).to_bytes(8, "little"))
        digest.update(array("q", item.context + item.target).tobytes())
        return digest.digest()
