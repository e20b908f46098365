"""Attention over a tree on the CPU: what hangs below one path attends to it together, then each segment to itself.

Equals ``masked.attend``. Both halves are softmaxes over a part of the keys; with their normalisers l they are joined::

    out = (exp(l_path) out_path + exp(l_own) out_own) / (exp(l_path) + exp(l_own))

(flash-decoding's split of the keys; over shared prefixes: Hydragen, arXiv:2402.05099, section 3). A path's keys are so
read and gathered once for all segments below it, and there is no mask.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from services.scorer.engines.torch_tree import masked
from services.scorer.engines.torch_tree.layout import Index, Segment, TreeLayout, is_narrowed
from services.scorer.engines.torch_tree.tree_attention import Heads

MAX_PADDING = 1.3  # padded to unpadded length, at most, of segments that are run together


@dataclass(frozen=True, slots=True)
class _Below:
    """The tokens below one path, and the path's keys."""

    tokens: Index
    keys: Index


@dataclass(frozen=True, slots=True)
class _Alike:
    """Segments of about one length.

    Attributes:
        tokens: (segments, longest) of the batch; a shorter one's last token is repeated.
        places: where in the flattened ``tokens`` a token stands that is not repeated.
    """

    tokens: torch.Tensor
    places: Index


@dataclass(frozen=True, slots=True)
class _Work:
    below: tuple[_Below, ...]
    alike: tuple[_Alike, ...]
    narrowed: tuple[Segment, ...]


def attend(heads: Heads, layout: TreeLayout, window: int | None) -> torch.Tensor:
    """See ``tree_attention.Attend``."""
    work = layout.once(("cascade", window), lambda: _divide(layout, window))
    out = torch.empty_like(heads.queries.transpose(0, 1))  # (tokens, heads, width)
    normalisers = heads.queries.new_empty(out.shape[:2], dtype=torch.float32)  # (tokens, heads)
    for alike in work.alike:
        _attend_within(heads, layout.num_kept, alike, out, normalisers)
    for below in work.below:
        _attend_above(heads, below, out, normalisers)
    masked.attend_segments(heads, layout, work.narrowed, window, out)
    return out


def _attend_within(heads: Heads, num_kept: int, alike: _Alike, out: torch.Tensor, normalisers: torch.Tensor) -> None:
    """Every segment to itself, causally."""
    queries = heads.queries[:, alike.tokens].transpose(0, 1)  # (segments, heads, longest, width)
    keys, values = (states[:, alike.tokens + num_kept].transpose(0, 1) for states in (heads.keys, heads.values))
    attended, found = _flash(queries, keys, values, heads.scale, is_causal=True)
    tokens = alike.tokens.flatten()[alike.places]
    out[tokens] = attended.transpose(1, 2).flatten(0, 1)[alike.places]
    normalisers[tokens] = found.transpose(1, 2).flatten(0, 1)[alike.places]


def _attend_above(heads: Heads, below: _Below, out: torch.Tensor, normalisers: torch.Tensor) -> None:
    """All tokens below a path to all of it; joined with what is in ``out``."""
    attended, found = _flash(
        heads.queries[None, :, below.tokens],
        heads.keys[None, :, below.keys],
        heads.values[None, :, below.keys],
        heads.scale,
        is_causal=False,
    )
    share = torch.sigmoid(found[0].t() - normalisers[below.tokens])  # of the path, (tokens, heads)
    own = out[below.tokens]
    out[below.tokens] = torch.lerp(own, attended[0].transpose(0, 1), share.to(own.dtype)[..., None])


def _flash(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float, *, is_causal: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention (rows, heads, queries, width) and its log-normalisers (rows, heads, queries), float32."""
    attended, found = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        queries, keys, values, 0.0, is_causal, scale=scale
    )
    return attended, found


def _divide(layout: TreeLayout, window: int | None) -> _Work:
    """Who is run with whom under a window."""
    free = [segment for segment in layout.segments if not is_narrowed(segment, window)]
    by_path: defaultdict[int, list[Segment]] = defaultdict(list)
    for segment in free:
        if segment.path >= 0:
            by_path[segment.path].append(segment)
    below = tuple(
        _Below(layout.index(_tokens(group)), layout.index(layout.paths[path])) for path, group in by_path.items()
    )
    narrowed = tuple(segment for segment in layout.segments if is_narrowed(segment, window))
    return _Work(below, tuple(_pad(layout, group) for group in _about_one_length(free)), narrowed)


def _about_one_length(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Groups in which nobody is padded by more than ``MAX_PADDING``."""
    groups: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda each: -each.length):
        if groups and groups[-1][0].length <= MAX_PADDING * segment.length:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups


def _pad(layout: TreeLayout, group: Sequence[Segment]) -> _Alike:
    steps = np.arange(group[0].length)
    lengths = np.array([segment.length for segment in group])[:, None]
    tokens = np.array([segment.start for segment in group])[:, None] + np.minimum(steps, lengths - 1)
    places = np.flatnonzero((steps < lengths).ravel())
    return _Alike(torch.from_numpy(tokens).to(layout.device), layout.index(places))


def _tokens(segments: Sequence[Segment]) -> np.ndarray:
    return np.concatenate([np.arange(segment.start, segment.end) for segment in segments])
