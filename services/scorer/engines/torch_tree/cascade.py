"""Attention over a tree on the CPU: what hangs below one path attends to it together, then each segment to itself.

Equals ``masked.attend``. Parts of the keys have softmaxes of their own; with their normalisers l two are joined::

    out = (exp(l_path) out_path + exp(l_own) out_own) / (exp(l_path) + exp(l_own))

(flash-decoding's split of the keys; over shared prefixes: Hydragen, arXiv:2402.05099, section 3). A path's keys are so
read and gathered once for all segments below it, without a mask.

The heads that share a key head are run as one with more queries, and bfloat16 in float32 with ``exact_products``: twice
the speed of torch's attention over bfloat16, with the same roundings. That takes large products, so a segment is cut
into parts of at most ``MAX_PART_TOKENS``: each attends to the parts before it, as to a path, and to itself with a mask.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from services.scorer.engines.torch_tree import masked
from services.scorer.engines.torch_tree.exact import exact_products
from services.scorer.engines.torch_tree.layout import Index, Segment, TreeLayout, is_narrowed
from services.scorer.engines.torch_tree.tree_attention import Heads
from services.scorer.planner.packed import even_cuts

MAX_PADDING = 1.3  # padded to unpadded length, at most, of segments that are run together
MAX_PART_TOKENS = 512  # of bfloat16: bounds the mask; float32 needs none
MIN_MASKED_TOKENS = 96  # shorter parts are faster without a mask


@dataclass(frozen=True, slots=True)
class _Below:
    """The tokens below one path, and the path's keys."""

    tokens: Index
    keys: Index


@dataclass(frozen=True, slots=True)
class _Alike:
    """Segments, or parts of them, of about one length.

    Attributes:
        tokens: (segments, longest) of the batch; a shorter one's last token is repeated.
        places: where in the flattened ``tokens`` a token stands that is not repeated.
        mask: (heads of a key head * longest, longest) to add to the products; None: torch's causal attention is faster.
    """

    tokens: torch.Tensor
    places: Index
    mask: torch.Tensor | None


@dataclass(frozen=True, slots=True)
class _Work:
    alike: tuple[_Alike, ...]
    below: tuple[_Below, ...]
    narrowed: tuple[Segment, ...]


def attend(heads: Heads, layout: TreeLayout, window: int | None) -> torch.Tensor:
    """See ``tree_attention.Attend``."""
    dtype = heads.queries.dtype
    num_sharing = heads.queries.shape[0] // heads.keys.shape[0] if dtype == torch.bfloat16 else 0
    work = layout.once(("cascade", window), lambda: _divide(layout, window, num_sharing))
    wide = replace(heads, queries=heads.queries.float(), keys=heads.keys.float(), values=heads.values.float())
    out = torch.empty_like(wide.queries.transpose(0, 1))  # (tokens, heads, width)
    normalisers = out.new_empty(out.shape[:2])  # (tokens, heads)
    for alike in work.alike:
        with exact_products(dtype):
            _attend_within(heads if alike.mask is None else wide, layout.num_kept, alike, out, normalisers)
    for below in work.below:
        with exact_products(dtype):
            _attend_above(wide, below, out, normalisers)
    masked.attend_segments(heads, layout, work.narrowed, window, out)
    return out.to(dtype)


def _attend_within(heads: Heads, num_kept: int, alike: _Alike, out: torch.Tensor, normalisers: torch.Tensor) -> None:
    """Every segment to itself, causally."""
    queries = heads.queries[:, alike.tokens].transpose(0, 1)  # (segments, heads, longest, width)
    keys, values = (states[:, alike.tokens + num_kept].transpose(0, 1) for states in (heads.keys, heads.values))
    attended, found = _flash(queries, keys, values, heads.scale, alike.mask, is_causal=alike.mask is None)
    tokens = alike.tokens.flatten()[alike.places]
    out[tokens] = attended.transpose(1, 2).flatten(0, 1)[alike.places].to(out.dtype)
    normalisers[tokens] = found.transpose(1, 2).flatten(0, 1)[alike.places]


def _attend_above(heads: Heads, below: _Below, out: torch.Tensor, normalisers: torch.Tensor) -> None:
    """All tokens below a path to all of it; joined with what is in ``out``."""
    attended, found = _flash(
        heads.queries[None, :, below.tokens],
        heads.keys[None, :, below.keys],
        heads.values[None, :, below.keys],
        heads.scale,
    )
    own, path = normalisers[below.tokens], found[0].t()  # (tokens, heads)
    share = torch.sigmoid(path - own)[..., None]
    out[below.tokens] = torch.lerp(out[below.tokens], attended[0].transpose(0, 1), share)
    normalisers[below.tokens] = torch.logaddexp(own, path)


def _flash(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    scale: float,
    mask: torch.Tensor | None = None,
    *,
    is_causal: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention (rows, heads, queries, width) and its log-normalisers (rows, heads, queries), float32.

    Heads that share a key head are run as one, unless attention is causal: then a query's place is its number.
    """
    shape = queries.shape
    if not is_causal:
        queries = queries.reshape(len(queries), keys.shape[1], -1, shape[-1])
    attended, found = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        queries, keys, values, 0.0, is_causal, attn_mask=mask, scale=scale
    )
    return attended.reshape(shape), found.reshape(shape[:-1])


def _divide(layout: TreeLayout, window: int | None, num_sharing: int) -> _Work:
    """Who is run with whom under a window. ``num_sharing``: heads of a key head where parts and masks pay, else 0."""
    free = [segment for segment in layout.segments if not is_narrowed(segment, window)]
    narrowed = tuple(segment for segment in layout.segments if is_narrowed(segment, window))
    by_path: defaultdict[int, list[Segment]] = defaultdict(list)
    for segment in free:
        if segment.path >= 0:
            by_path[segment.path].append(segment)
    below = [_Below(layout.index(_tokens(group)), layout.index(layout.paths[path])) for path, group in by_path.items()]
    parts: list[Segment] = []
    for segment in free:
        cut = _cut(segment) if num_sharing else [segment]
        parts += cut
        below += [_below_earlier_parts(layout, segment, part) for part in cut[1:]]
    alike = tuple(_pad(layout, group, num_sharing) for group in _about_one_length(parts))
    return _Work(alike, tuple(below), narrowed)


def _cut(segment: Segment) -> list[Segment]:
    """Parts of about one length."""
    return [
        replace(segment, start=segment.start + first, length=last - first, depth=segment.depth + first)
        for first, last in pairwise(even_cuts(segment.length, MAX_PART_TOKENS))
    ]


def _below_earlier_parts(layout: TreeLayout, segment: Segment, part: Segment) -> _Below:
    keys = slice(layout.num_kept + segment.start, layout.num_kept + part.start)
    return _Below(slice(part.start, part.end), keys)


def _about_one_length(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Groups in which nobody is padded by more than ``MAX_PADDING``."""
    groups: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda each: -each.length):
        if groups and groups[-1][0].length <= MAX_PADDING * segment.length:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups


def _pad(layout: TreeLayout, group: Sequence[Segment], num_sharing: int) -> _Alike:
    longest = group[0].length
    steps = np.arange(longest)
    lengths = np.array([segment.length for segment in group])[:, None]
    tokens = np.array([segment.start for segment in group])[:, None] + np.minimum(steps, lengths - 1)
    places = np.flatnonzero((steps < lengths).ravel())
    mask = _mask(longest, num_sharing, layout.device) if num_sharing and longest >= MIN_MASKED_TOKENS else None
    return _Alike(torch.from_numpy(tokens).to(layout.device), layout.index(places), mask)


def _mask(length: int, num_sharing: int, device: torch.device) -> torch.Tensor:
    """0 where a query sees a key, else minus infinity; the same for all heads of a key head."""
    unseen = torch.full((length, length), -torch.inf, device=device).triu(1)
    return unseen.repeat(num_sharing, 1)[None, None]


def _tokens(segments: Sequence[Segment]) -> np.ndarray:
    return np.concatenate([np.arange(segment.start, segment.end) for segment in segments])
