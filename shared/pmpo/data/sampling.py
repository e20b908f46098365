"""Samples of rows: drawn by a seed and the row numbers alone, so that they are the same on every machine."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pmpo.contracts.datasets import DatasetLimits
from pmpo.contracts.jobdata import Row


def sample_rows(num_rows: int, num_wanted: int, seed: int, keep: Sequence[int] = ()) -> list[int]:
    """``num_wanted`` row numbers out of ``num_rows``, drawn by the seed, in ascending order; ``keep`` is among them."""
    kept = set(keep)
    others = sorted(set(range(num_rows)) - kept, key=lambda row: row_digest(seed, row))
    return sorted(kept | set(others[: max(0, num_wanted - len(kept))]))


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows drawn from more, in their order, and how many there were."""

    rows: list[Row]
    num_seen: int


def sample_stream(rows: Iterable[Row], num_wanted: int, seed: int) -> Sample:
    """The rows that ``sample_rows`` would name, in one pass; no more than ``num_wanted`` are held."""
    kept: list[tuple[int, int, Row]] = []  # a heap whose first has the highest digest
    num_seen = 0
    for number, row in enumerate(rows):
        num_seen = number + 1
        entry = (-int.from_bytes(row_digest(seed, number)), number, row)
        if len(kept) < num_wanted:
            heapq.heappush(kept, entry)
        elif kept and entry > kept[0]:
            heapq.heapreplace(kept, entry)
    return Sample([row for _, _, row in sorted(kept, key=lambda entry: entry[1])], num_seen)


def how_to_sample(limits: DatasetLimits) -> str:
    """Half a sentence: what to do about data that is too much."""
    return (
        f"a data set has at most {limits.rows:,} rows and {limits.bytes / 1024 / 1024:g} MB; send a sample: "
        f"`pmpo datasets push FILE --sample {min(limits.rows, 10_000)} --seed 0`"
    )


def row_digest(seed: int, row: int) -> bytes:
    """What a row is ordered by: SHA-256 of seed and number."""
    return hashlib.sha256(f"{seed}:{row}".encode()).digest()
