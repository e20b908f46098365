"""Contexts that were rendered before, within a bound of bytes; the least recently used are dropped."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence

from pmpo.contracts.scoring import ChatMessage, TemplateValue

MAX_BYTES = 64 * 2**20
ENTRY_BYTES = 300  # of one entry beside its ids


class ContextMemo:
    """Token ids of contexts, by everything that decides them. Used from one thread at a time.

    Attributes:
        num_hits, num_misses: contexts that were and were not known.
        num_bytes: what the entries take, about.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, array[int]] = OrderedDict()
        self.num_hits = 0
        self.num_misses = 0
        self.num_bytes = 0

    def context(
        self,
        messages: Sequence[ChatMessage],
        answer_prefix: str,
        arguments: dict[str, TemplateValue],
        render: Callable[[], tuple[int, ...]],
    ) -> tuple[int, ...]:
        """What ``render`` gives for these messages; it is not called for those that are remembered."""
        parts = [[(turn.role, turn.content) for turn in messages], answer_prefix, arguments]
        text = json.dumps(parts, sort_keys=True)  # escapes lone surrogates, which the tokenizer will refuse
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
            self.num_hits += 1
            return tuple(found)
        self.num_misses += 1
        ids = render()
        self._remember(key, array("i", ids))
        return ids

    def _remember(self, key: bytes, ids: array[int]) -> None:
        self._entries[key] = ids
        self.num_bytes += _size(ids)
        while self.num_bytes > self._max_bytes:
            _, dropped = self._entries.popitem(last=False)
            self.num_bytes -= _size(dropped)


def _size(ids: array[int]) -> int:
    return ENTRY_BYTES + ids.itemsize * len(ids)
