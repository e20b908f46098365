"""Attention over a tree, segment by segment with a mask: any device, any dtype, any window.

A block of a segment's queries and the keys that it sees (x: seen; window of 4)::

    keys         a b c d | e f g        path above, then the segment up to the block's end
    query e        x x x   x
    query f          x x   x x
    query g            x   x x x
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from services.scorer.engines.torch_tree.layout import Segment, TreeLayout, blocks
from services.scorer.engines.torch_tree.tree_attention import Heads

BLOCK_QUERIES = 512  # bounds the mask: this times the keys


def attend(heads: Heads, layout: TreeLayout, window: int | None) -> torch.Tensor:
    """See ``tree_attention.Attend``."""
    out = torch.empty_like(heads.queries.transpose(0, 1))
    attend_segments(heads, layout, layout.segments, window, out)
    return out


def attend_segments(
    heads: Heads, layout: TreeLayout, segments: Iterable[Segment], window: int | None, out: torch.Tensor
) -> None:
    """Write the attention of some segments into their places of ``out``, (tokens, heads, width)."""
    for segment in segments:
        for first, last in blocks(0, segment.length, BLOCK_QUERIES):
            seen_from = max(0, segment.depth + first + 1 - window) if window is not None else 0
            keys, values = (_seen(states, layout, segment, seen_from, last) for states in (heads.keys, heads.values))
            queries = heads.queries[:, segment.start + first : segment.start + last]
            attended = F.scaled_dot_product_attention(
                queries[None],
                keys[None],
                values[None],
                attn_mask=_mask(last - first, keys.shape[1], window, keys.device),
                scale=heads.scale,
                enable_gqa=keys.shape[0] != queries.shape[0],
            )
            out[segment.start + first : segment.start + last] = attended[0].transpose(0, 1)


def _seen(states: torch.Tensor, layout: TreeLayout, segment: Segment, seen_from: int, last: int) -> torch.Tensor:
    """Keys or values at the depths from ``seen_from`` on, up to the segment's token ``last``, exclusive."""
    own_first = layout.num_kept + segment.start + max(0, seen_from - segment.depth)
    own = states[:, own_first : layout.num_kept + segment.start + last]
    if seen_from >= segment.depth:
        return own
    above = layout.once(("above", segment.path, seen_from), lambda: layout.index(layout.above(segment)[seen_from:]))
    return torch.cat([states[:, above], own], 1)


def _mask(num_queries: int, num_keys: int, window: int | None, device: torch.device) -> torch.Tensor:
    """(queries, keys) True where a query sees a key; the last query stands at the last key."""
    mask = torch.ones(num_queries, num_keys, dtype=torch.bool, device=device).tril(num_keys - num_queries)
    return mask if window is None else mask.triu(num_keys - num_queries - window + 1)
