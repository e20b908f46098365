"""Forward passes for the tree mode: the packed prefix tree, cut so that each pass keeps a budget of tokens.

A cut may fall anywhere. What later batches attend to of earlier ones is always one path from the root, so its keys
and values are kept, never recomputed; a batch's keys are the kept ones, then its own::

    packed   a b c d x | e y z        second batch:   kept a | own e y z
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from services.scorer.engines.base import TokenItem
from services.scorer.planner.packed import NO_NODE, PackedTree, pack_tree
from services.scorer.planner.tree import IntArray

MIN_SAVING_TOKENS = 16  # a branch costs one more attention call a layer: about as much as these tokens on nano
NO_PREFIX = -1
_NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Segments:
    """Chains of a batch's tokens, each token the only child of the one before. All attributes are (segments,).

    Attributes:
        starts: place of the first token among the batch's tokens, ascending; the segments cover all tokens.
        lengths: tokens.
        depths: position of the first token, which is the number of tokens above it.
        prefixes: index into ``Batch.prefixes`` of the path above; ``NO_PREFIX`` when there is none.
    """

    starts: IntArray
    lengths: IntArray
    depths: IntArray
    prefixes: IntArray


@dataclass(frozen=True, slots=True)
class Batch:
    """One forward pass over distinct tokens.

    Attributes:
        tokens, positions: (tokens,) ids in depth-first order, and their depths.
        num_kept: keys that come from the batch before; this batch's own keys follow them.
        kept_next: indices of the keys that the next batch needs, root first: they become its ``num_kept`` keys.
        segments: what attends to what: a token to its segment up to itself, and to the path above the segment.
        prefixes: the distinct paths above segments, root first, as indices of keys.
        head_rows: (rows,) distinct tokens from which something is predicted, ascending.
        value_rows, value_tokens, value_slots: (values,) index into ``head_rows`` of the token that predicts a target
            token, the target token, and its place in the flat array of all target tokens, taken item after item.
    """

    tokens: IntArray
    positions: IntArray
    num_kept: int
    kept_next: IntArray
    segments: Segments
    prefixes: tuple[IntArray, ...]
    head_rows: IntArray
    value_rows: IntArray
    value_tokens: IntArray
    value_slots: IntArray


@dataclass(frozen=True, slots=True)
class Plan:
    """Batches to run in order; every token of the tree is in exactly one.

    Attributes:
        batches: the forward passes.
        computed_tokens: (items,) tokens of the tree that an item brought in; what items share counts at one of them.
    """

    batches: tuple[Batch, ...]
    computed_tokens: IntArray


def plan_batches(items: Sequence[TokenItem], max_tokens: int, min_saving: int = MIN_SAVING_TOKENS) -> Plan:
    """Plan the inputs of all items: everything but an item's last token, which is predicted and never read.

    Args:
        items: at least one.
        max_tokens: no batch has more tokens.
        min_saving: a prefix is shared where that saves at least so many tokens at one branch; 1 shares all.
    """
    tree = pack_tree(items, max_tokens, min_saving)
    batches = tuple(_cut_out(tree, start, end) for start, end in pairwise(tree.cuts))
    return Plan(batches, tree.new_tokens())


def _path_above(tree: PackedTree, node: int) -> IntArray:
    """The nodes above one, root first."""
    segment = int(np.searchsorted(tree.segment_starts, node, side="right")) - 1
    above = int(tree.parents[segment]) if tree.segment_starts[segment] == node else node - 1
    return _NOTHING if above == NO_NODE else tree.paths[above]


def _cut_out(tree: PackedTree, start: int, end: int) -> Batch:
    """The batch of the nodes from ``start`` to ``end``. Its keys: the nodes above ``start``, then its own."""
    kept = _path_above(tree, start)

    def to_keys(nodes: IntArray) -> IntArray:
        keys: IntArray = np.where(nodes < start, np.searchsorted(kept, nodes), nodes - start + len(kept))
        return keys

    first, last = np.searchsorted(tree.segment_starts, [start, end - 1], side="right") - 1
    starts = np.maximum(tree.segment_starts[first : last + 1], start)
    parents = tree.parents[first : last + 1].copy()
    if tree.segment_starts[first] < start:
        parents[0] = start - 1
    above, prefixes = np.unique(parents, return_inverse=True)
    has_root = bool(above[0] == NO_NODE)
    low, high = np.searchsorted(tree.value_nodes, [start, end])
    head_rows, value_rows = np.unique(tree.value_nodes[low:high] - start, return_inverse=True)
    return Batch(
        tokens=tree.tokens[start:end],
        positions=tree.depths[start:end],
        num_kept=len(kept),
        kept_next=to_keys(_path_above(tree, end)) if end < tree.num_nodes else _NOTHING,
        segments=Segments(starts - start, np.diff([*starts, end]), tree.depths[starts], prefixes - has_root),
        prefixes=tuple(to_keys(tree.paths[node]) for node in above[has_root:].tolist()),
        head_rows=head_rows,
        value_rows=value_rows,
        value_tokens=tree.value_tokens[low:high],
        value_slots=tree.value_slots[low:high],
    )
