"""Scores that were computed before, within a bound of bytes; the least recently used are dropped."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from services.scorer.engines.base import FloatArray

ENTRY_BYTES = 250  # of one entry beside its numbers: the key, the array's own object, a place in the dictionary


@dataclass(slots=True)
class MemoCounts:
    """What the memo did so far."""

    num_hits: int = 0
    num_misses: int = 0
    num_dropped: int = 0


class ScoreMemo:
    """Token log-likelihoods by key. Used from the event loop only; a bound of 0 bytes remembers nothing.

    Attributes:
        counts: found, computed as they were not found, dropped for the bound.
        num_bytes: what the entries take, about.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, FloatArray] = OrderedDict()
        self.counts = MemoCounts()
        self.num_bytes = 0

    def find(self, key: bytes | None) -> FloatArray | None:
        """The scores under a key, or None. A hit is counted."""
        found = self._entries.get(key) if key is not None else None
        if found is None or key is None:
            return None
        self._entries.move_to_end(key)
        self.counts.num_hits += 1
        return found

    def note_computed(self, key: bytes | None) -> None:
        """Count a miss: the engine has run an item that might have been known."""
        self.counts.num_misses += key is not None

    def remember(self, key: bytes | None, values: FloatArray) -> None:
        """Keep the scores (finite ones) under a key; None keeps nothing."""
        size = _size(values)
        if key is None or key in self._entries or size > self._max_bytes:
            return
        self._entries[key] = values.copy()  # a view would keep the whole round's numbers
        self.num_bytes += size
        while self.num_bytes > self._max_bytes:
            _, dropped = self._entries.popitem(last=False)
            self.num_bytes -= _size(dropped)
            self.counts.num_dropped += 1


def _size(values: FloatArray) -> int:
    return ENTRY_BYTES + values.nbytes
