"""For the prefix-cache mode: which sequences share a prefix that is worth computing once.

One level of sharing: token ids in, groups of indices out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TokenIds = tuple[int, ...]
GROUP_OVERHEAD_TOKENS = 16  # a prefix costs one more forward pass: measured as about this many tokens on nano


@dataclass(frozen=True, slots=True)
class PrefixGroup:
    """Sequences that begin alike.

    Attributes:
        prefix_length: tokens that all members share and that are computed once; 0 for sequences that share nothing.
        members: indices into the planned sequences, in sorted order of their tokens.
    """

    prefix_length: int
    members: tuple[int, ...]


@dataclass(slots=True)
class _Interval:
    """A run of the sorted sequences, ``[start, end)``, that share ``depth`` tokens, with its cheapest plan so far."""

    depth: int
    start: int
    cost: int
    groups: list[PrefixGroup]


def plan_groups(sequences: Sequence[TokenIds]) -> list[PrefixGroup]:
    """Partition distinct sequences into groups so that the tokens to compute are fewest with one level of sharing.

    A group of members m with common prefix p costs ``p + overhead + sum(len(m) - p)`` tokens, a sequence alone its
    length. The groups are the cheapest cut through the tree of common prefixes; every index is in exactly one group,
    and sequences that share nothing worth it are together in one last group with prefix 0.
    """
    order = sorted(range(len(sequences)), key=lambda index: sequences[index])
    groups = _cheapest_cut(sequences, order)
    shared = [group for group in groups if group.prefix_length]
    alone = tuple(index for group in groups if not group.prefix_length for index in group.members)
    return [*shared, PrefixGroup(0, alone)] if alone else shared


def _cheapest_cut(sequences: Sequence[TokenIds], order: Sequence[int]) -> list[PrefixGroup]:
    """Walk the sorted sequences once, closing an interval of the prefix tree when the common prefix gets shorter."""
    lengths = [0]
    for index in order:
        lengths.append(lengths[-1] + len(sequences[index]))
    open_intervals = [_Interval(0, 0, 0, [])]
    for rank, index in enumerate(order):
        leaf = _Interval(len(sequences[index]), rank, len(sequences[index]), [PrefixGroup(0, (index,))])
        next_depth = common_prefix(sequences[index], sequences[order[rank + 1]]) if rank + 1 < len(order) else 0
        closed = leaf
        while open_intervals[-1].depth > next_depth:
            parent = open_intervals.pop()
            _adopt(parent, closed)
            closed = _merged_if_cheaper(
                parent, order[parent.start : rank + 1], lengths[rank + 1] - lengths[parent.start]
            )
        if open_intervals[-1].depth < next_depth:
            open_intervals.append(_Interval(next_depth, closed.start, 0, []))
        _adopt(open_intervals[-1], closed)
    return open_intervals[0].groups


def _adopt(parent: _Interval, child: _Interval) -> None:
    parent.cost += child.cost
    parent.groups.extend(child.groups)


def _merged_if_cheaper(interval: _Interval, members: Sequence[int], num_tokens: int) -> _Interval:
    """The interval as one group when that costs fewer tokens than the groups of its children."""
    merged = interval.depth + GROUP_OVERHEAD_TOKENS + num_tokens - interval.depth * len(members)
    if merged < interval.cost:
        return _Interval(interval.depth, interval.start, merged, [PrefixGroup(interval.depth, tuple(members))])
    return interval


def common_prefix(first: TokenIds, second: TokenIds) -> int:
    """Number of tokens with which both begin."""
    shorter = min(len(first), len(second))
    if first[:shorter] == second[:shorter]:
        return shorter
    low, high = 0, shorter  # first[:low] == second[:low], first[:high] != second[:high]
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low
