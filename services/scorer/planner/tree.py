"""The prefix tree of many sequences as one packed row of its distinct tokens.

Sorted sequences meet the tree depth first, so each adds to the packed row only what it does not share with the one
before it (``lcp``, their longest common prefix), and a node comes after its ancestors::

    sorted      a b c d     lcp 0   adds a b c d      packed    a b c d x e y
                a b c x     lcp 3   adds       x      depth     0 1 2 3 3 1 2
                a e y       lcp 1   adds   e y
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

TokenIds = tuple[int, ...]
IntArray: TypeAlias = NDArray[np.int64]
_SORTABLE = np.dtype(">u4")  # the order of these bytes is the order of the numbers


@dataclass(frozen=True, slots=True)
class SortedRows:
    """Distinct sequences in ascending order.

    Attributes:
        flat: (all tokens,) the sequences as they were given, one after the other.
        offsets: (rows,) where each row begins in ``flat``.
        lengths: (rows,) tokens of each row.
        lcp: (rows,) tokens shared with the row before; 0 for the first.
        row_of: (given sequences,) the row that each given sequence is.
    """

    flat: NDArray[np.uint32]
    offsets: IntArray
    lengths: IntArray
    lcp: IntArray
    row_of: IntArray


def sort_rows(sequences: Sequence[Sequence[TokenIds]]) -> SortedRows:
    """Sort and deduplicate sequences; each is given in parts, all not empty when joined, ids below 2**32."""
    lengths = np.array([sum(map(len, parts)) for parts in sequences], np.int64)
    ends = np.cumsum(lengths)
    flat = np.fromiter(chain.from_iterable(chain.from_iterable(sequences)), np.uint32, int(lengths.sum()))
    raw, cuts = flat.astype(_SORTABLE).tobytes(), (4 * ends).tolist()
    keys = [raw[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
    offsets = (ends - lengths)[order]
    lcp = _neighbour_prefixes(flat, offsets, lengths[order])
    is_new = lcp < lengths[order]  # a row that is all shared with the one before it is the same row
    is_new[:1] = True
    row_of = np.empty(len(order), np.int64)
    row_of[order] = np.cumsum(is_new) - 1
    return SortedRows(flat, offsets[is_new], lengths[order][is_new], lcp[is_new], row_of)


def _neighbour_prefixes(flat: NDArray[np.uint32], offsets: IntArray, lengths: IntArray) -> IntArray:
    """(rows,) common prefix of each row with the one before it, by comparing all tokens of all pairs at once."""
    lcp = np.zeros(len(offsets), np.int64)
    shorter = np.minimum(lengths[1:], lengths[:-1])
    starts = np.cumsum(shorter) - shorter
    places = np.arange(int(shorter.sum()))
    differs = (
        flat[places + np.repeat(offsets[1:] - starts, shorter)]
        != flat[places + np.repeat(offsets[:-1] - starts, shorter)]
    )
    at = np.append(np.flatnonzero(differs), len(differs))
    lcp[1:] = np.minimum(at[np.searchsorted(at, starts)] - starts, shorter)
    return lcp


@dataclass(slots=True)
class _Branch:
    """A node of the tree from which rows branch off: its depth in tokens, and those rows, the first child's not."""

    depth: int
    rows: list[int] = field(default_factory=list)


def without_small_savings(rows: SortedRows, min_saving: int) -> IntArray:
    """``rows.lcp`` with the branches taken out at which sharing saves fewer than ``min_saving`` tokens in all.

    The rows of such a branch share with their neighbour only up to the branch above it.
    """
    lcp = rows.lcp.copy()
    open_branches = [_Branch(0)]
    for row, depth in enumerate([*rows.lcp.tolist(), 0]):
        while open_branches[-1].depth > depth:
            branch = open_branches.pop()
            if open_branches[-1].depth < depth:
                open_branches.append(_Branch(depth))
            above = open_branches[-1]
            if len(branch.rows) * (branch.depth - above.depth) < min_saving:
                lcp[branch.rows] = above.depth
                above.rows.extend(branch.rows)
        if open_branches[-1].depth < depth:
            open_branches.append(_Branch(depth))
        open_branches[-1].rows.append(row)
    return lcp
