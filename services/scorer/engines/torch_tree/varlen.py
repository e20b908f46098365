"""Attention over a tree on a GPU: torch's ``varlen_attn``, every segment a sequence, the path above gathered before it.

Equals ``masked.attend``. A segment's queries are the last of its keys, so the causal diagonal ends bottom-right::

    keys         a b c d | e f g        path above, then the segment
    query e        x x x x   x
    query f        x x x x   x x
    query g        x x x x   x x x

Of a path only what a window lets somebody see is gathered, and segments are taken so many at a time that gathered keys
are bounded. Has been run against a slow stand-in for ``varlen_attn`` alone, not on a GPU.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.attention.varlen import varlen_attn

from services.scorer.engines.torch_tree.layout import Index, Segment, TreeLayout
from services.scorer.engines.torch_tree.tree_attention import Heads
from services.scorer.planner.tree import IntArray

MAX_GATHERED_KEYS = 131_072  # or one segment's; with 8 heads of 128 in bfloat16: 512 MiB for keys and values


@dataclass(frozen=True, slots=True)
class _Part:
    """Consecutive segments that are run in one call.

    Attributes:
        first, last: their tokens in the batch.
        keys: indices of the keys that they see, segment after segment.
        query_ends, key_ends: (segments + 1,) int32, where each segment's queries and keys end; 0 first.
        max_queries, max_keys: of one segment.
    """

    first: int
    last: int
    keys: Index
    query_ends: torch.Tensor
    key_ends: torch.Tensor
    max_queries: int
    max_keys: int


class VarlenAttention:
    """See ``tree_attention.Attend``.

    Args:
        call: ``varlen_attn`` of the torch that is installed: older ones take neither ``enable_gqa`` nor
            ``num_splits``; keys are then repeated for the queries that share them.
    """

    def __init__(self, call: Callable[..., Any] = varlen_attn) -> None:
        known = inspect.signature(call).parameters
        self._call = call
        self._shares_keys = "enable_gqa" in known
        # without a split of the keys a score does not depend on what else is in the batch
        self._options = {"num_splits": 1} if "num_splits" in known else {}

    def __call__(self, heads: Heads, layout: TreeLayout, window: int | None) -> torch.Tensor:
        """(tokens, heads, width)."""
        parts = layout.once(("varlen", window), lambda: list(_parts(layout, window)))
        return torch.cat([self._run(heads, window, part) for part in parts])

    def _run(self, heads: Heads, window: int | None, part: _Part) -> torch.Tensor:
        """(tokens of the part, heads, width)."""
        queries = heads.queries[:, part.first : part.last].transpose(0, 1)
        keys, values = (states[:, part.keys].transpose(0, 1) for states in (heads.keys, heads.values))
        num_sharing = queries.shape[1] // keys.shape[1]
        options: dict[str, object] = dict(self._options)
        if num_sharing > 1 and self._shares_keys:
            options["enable_gqa"] = True
        elif num_sharing > 1:
            keys, values = (states.repeat_interleave(num_sharing, dim=1) for states in (keys, values))
        attended: torch.Tensor = self._call(
            queries.contiguous(),
            keys.contiguous(),
            values.contiguous(),
            part.query_ends,
            part.key_ends,
            part.max_queries,
            part.max_keys,
            scale=heads.scale,
            window_size=(-1 if window is None else window - 1, 0),
            **options,
        )
        return attended


def _parts(layout: TreeLayout, window: int | None) -> Iterator[_Part]:
    """The layout's segments in order, in parts of at most ``MAX_GATHERED_KEYS`` keys (at least one segment)."""
    segments: list[Segment] = []
    seen: list[IntArray] = []
    num_keys = 0
    for segment in layout.segments:
        keys = _seen_keys(layout, segment, window)
        if segments and num_keys + len(keys) > MAX_GATHERED_KEYS:
            yield _part(layout, segments, seen)
            segments, seen, num_keys = [], [], 0
        segments.append(segment)
        seen.append(keys)
        num_keys += len(keys)
    yield _part(layout, segments, seen)


def _seen_keys(layout: TreeLayout, segment: Segment, window: int | None) -> IntArray:
    """Indices of the keys that some token of a segment sees, in the order of their depths."""
    unseen = 0 if window is None else max(0, segment.depth + 1 - window)
    own = np.arange(segment.start, segment.end) + layout.num_kept
    return np.concatenate([layout.above(segment)[unseen:], own])


def _part(layout: TreeLayout, segments: Sequence[Segment], seen: Sequence[IntArray]) -> _Part:
    num_queries = [segment.length for segment in segments]
    num_keys = [len(keys) for keys in seen]
    return _Part(
        first=segments[0].start,
        last=segments[-1].end,
        keys=layout.index(np.concatenate(seen)),
        query_ends=_ends(num_queries, layout.device),
        key_ends=_ends(num_keys, layout.device),
        max_queries=max(num_queries),
        max_keys=max(num_keys),
    )


def _ends(lengths: Sequence[int], device: torch.device) -> torch.Tensor:
    return torch.tensor([0, *np.cumsum(lengths).tolist()], dtype=torch.int32, device=device)
