"""The prefix tree laid out: where every token stands, what is above it, and which tokens predict which targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from services.scorer.engines.base import TokenItem
from services.scorer.planner.tree import IntArray, SortedRows, sort_rows, without_small_savings

NO_NODE = -1


@dataclass(frozen=True, slots=True)
class PackedTree:
    """Nodes are numbered depth first; a segment is a chain of nodes, each the only child of the one before.

    All nodes of a segment belong to the same sequences: what one sequence alone has, a NaN say, is in no segment that
    another is computed from.

    Attributes:
        tokens, depths: (nodes,) token id, and the number of nodes above it.
        segment_starts: (segments,) first node of each segment, ascending; the segments cover all nodes.
        parents: (segments,) the node above a segment's first node; ``NO_NODE`` at the root.
        paths: for every such parent, and for the node before every cut, all nodes from the root down to it.
        value_nodes, value_tokens, value_slots: (values,) nodes, ascending, that predict a target token, that token, and
            its place among all target tokens, taken item after item.
        row_starts, row_of: (rows + 1,) first node that a distinct sequence brought in; (items,) an item's sequence.
        cuts: nodes at which batches begin and end, 0 and the end included.
    """

    tokens: IntArray
    depths: IntArray
    segment_starts: IntArray
    parents: IntArray
    paths: dict[int, IntArray]
    value_nodes: IntArray
    value_tokens: IntArray
    value_slots: IntArray
    row_starts: IntArray
    row_of: IntArray
    cuts: tuple[int, ...]

    @property
    def num_nodes(self) -> int:
        """Distinct tokens."""
        return len(self.tokens)

    def new_tokens(self) -> IntArray:
        """(items,) nodes that an item brought in: a sequence's are counted at the first item that has it."""
        counts = np.zeros(len(self.row_of), np.int64)
        rows, firsts = np.unique(self.row_of, return_index=True)
        counts[firsts] = np.diff(self.row_starts)[rows]
        return counts


def even_cuts(num_nodes: int, max_tokens: int) -> tuple[int, ...]:
    """Where to cut a packed tree into the fewest parts of at most ``max_tokens``: about equal; 0 and the end too."""
    num_parts = -(-num_nodes // max_tokens)
    return tuple(num_nodes * part // num_parts for part in range(num_parts + 1))


def pack_tree(items: Sequence[TokenItem], max_tokens: int, min_saving: int) -> PackedTree:
    """The tree of all items' inputs. An input is all but the last token: that is predicted, never read."""
    rows = sort_rows([(item.context, item.target[:-1]) for item in items])
    lcp = without_small_savings(rows, min_saving)
    row_starts = np.concatenate([[0], np.cumsum(rows.lengths - lcp)])
    cuts = even_cuts(int(row_starts[-1]), max_tokens)
    walk = _walk(rows, lcp, row_starts, items, cuts[1:-1])
    within = np.arange(row_starts[-1]) - np.repeat(row_starts[:-1], np.diff(row_starts))
    depths = within + np.repeat(lcp, np.diff(row_starts))
    below_branches = walk.parents[walk.parents != NO_NODE] + 1  # a node's first child follows it
    segment_starts = np.union1d(row_starts[:-1], below_branches)
    parents = segment_starts - 1
    parents[np.searchsorted(segment_starts, row_starts[:-1])] = walk.parents
    by_node = np.argsort(walk.value_nodes, kind="stable")
    slots = _slots(rows, items)[by_node]
    return PackedTree(
        tokens=rows.flat[depths + np.repeat(rows.offsets, np.diff(row_starts))].astype(np.int64),
        depths=depths,
        segment_starts=segment_starts,
        parents=parents,
        paths=walk.paths,
        value_nodes=walk.value_nodes[by_node],
        value_tokens=np.fromiter(chain.from_iterable(item.target for item in items), np.int64)[slots],
        value_slots=slots,
        row_starts=row_starts,
        row_of=rows.row_of,
        cuts=cuts,
    )


@dataclass(frozen=True, slots=True)
class _Walk:
    """What is found on the way down every row: see ``PackedTree``; values come row by row, in the items' order."""

    parents: IntArray
    paths: dict[int, IntArray]
    value_nodes: IntArray


def _walk(
    rows: SortedRows, lcp: IntArray, row_starts: IntArray, items: Sequence[TokenItem], cuts: Sequence[int]
) -> _Walk:
    """Visit the rows in order. ``path[d]`` is the node at depth d of the row that is visited."""
    nodes = np.arange(row_starts[-1])
    path = np.empty(int(rows.lengths.max()), np.int64)
    paths: dict[int, IntArray] = {}
    parents: list[int] = []
    value_nodes: list[IntArray] = []
    cuts_left = list(reversed(cuts))
    items_left = _items_by_row(rows)[::-1].tolist()
    starts = row_starts[:-1].tolist()
    for row, (depth, length, start) in enumerate(zip(lcp.tolist(), rows.lengths.tolist(), starts, strict=True)):
        parents.append(int(path[depth - 1]) if depth else NO_NODE)
        if depth and parents[-1] not in paths:
            paths[parents[-1]] = path[:depth].copy()
        end = start + length - depth
        path[depth:length] = nodes[start:end]
        while cuts_left and cuts_left[-1] <= end:
            cut = cuts_left.pop()
            paths[cut - 1] = path[: depth + cut - start].copy()
        while items_left and rows.row_of[items_left[-1]] == row:
            context = len(items[items_left.pop()].context)
            value_nodes.append(path[context - 1 : length].copy())
    return _Walk(np.array(parents), paths, np.concatenate(value_nodes))


def _items_by_row(rows: SortedRows) -> IntArray:
    return np.argsort(rows.row_of, kind="stable")


def _slots(rows: SortedRows, items: Sequence[TokenItem]) -> IntArray:
    """Places of the target tokens, item after item, in the order in which the walk meets them."""
    lengths = np.array([len(item.target) for item in items], np.int64)
    starts = np.cumsum(lengths) - lengths
    order = _items_by_row(rows)
    lengths, starts = lengths[order], starts[order]
    slots: IntArray = np.arange(int(lengths.sum())) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return slots
