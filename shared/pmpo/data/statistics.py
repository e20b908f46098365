"""What rows look like, counted as they pass by: keys, kinds of values, lengths of texts, repeated rows."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field

from pmpo.contracts.datasets import FieldStatistics, Lengths
from pmpo.contracts.jobdata import Row
from pmpo.data.answers import scalar_text
from pmpo.data.rows import canonical

MAX_FIELDS = 100
_KINDS = {str: "text", bool: "boolean", int: "number", float: "number", list: "list", dict: "object"}


@dataclass(slots=True)
class _Field:
    """One key so far."""

    num_rows: int = 0
    num_empty: int = 0
    kinds: dict[str, None] = field(default_factory=dict)
    lengths: array[int] = field(default_factory=lambda: array("q"))

    def add(self, value: object) -> None:
        self.num_rows += 1
        self.kinds[_KINDS.get(type(value), "object")] = None
        text = scalar_text(value)
        if text is not None:
            self.num_empty += not text.strip()
            self.lengths.append(len(text))


class RowStatistics:
    """Rows so far. Keys beyond the first 100 are not looked at."""

    def __init__(self) -> None:
        self.num_rows = 0
        self.num_duplicates = 0
        self._fields: dict[str, _Field] = {}
        self._seen: set[bytes] = set()

    def add(self, row: Row, line: bytes | None = None) -> None:
        """Take one more row; ``line`` is its canonical form, where that is known already."""
        self.num_rows += 1
        digest = hashlib.blake2b(line if line is not None else canonical(row), digest_size=16).digest()
        self.num_duplicates += digest in self._seen
        self._seen.add(digest)
        for key, value in row.items():
            if key not in self._fields and len(self._fields) < MAX_FIELDS:
                self._fields[key] = _Field()
            if value is not None and key in self._fields:
                self._fields[key].add(value)

    def fields(self) -> list[FieldStatistics]:
        """Every key, in the order of its first use."""
        return [
            FieldStatistics(
                name=name,
                num_rows=found.num_rows,
                num_empty=found.num_empty,
                kinds=list(found.kinds),
                characters=_lengths(found.lengths),
            )
            for name, found in self._fields.items()
        ]


def _lengths(found: array[int]) -> Lengths | None:
    """Nearest-rank percentiles."""
    if not found:
        return None
    rising = sorted(found)
    last = len(rising) - 1
    return Lengths(
        shortest=rising[0],
        median=rising[last // 2],
        percentile_95=rising[-(-95 * len(rising) // 100) - 1],
        longest=rising[-1],
    )
