"""Packed trees with random heads, and the slow formula: every token's attention over the path above it, alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from services.scorer.engines.base import TokenItem
from services.scorer.engines.torch_tree.layout import TreeLayout
from services.scorer.engines.torch_tree.tree_attention import Heads
from services.scorer.planner.batches import plan_batches

NUM_KEY_HEADS, NUM_SHARING, WIDTH = 2, 3, 16


def items() -> list[TokenItem]:
    """Three levels of sharing, a sequence that goes on where another ends, one that shares nothing."""
    rng = np.random.default_rng(0)

    def ids(number: int) -> tuple[int, ...]:
        return tuple(rng.integers(0, 1000, number).tolist())

    start = ids(30)
    prompts = [start + ids(length) for length in (25, 40, 25)]
    rows = [prompt + ids(length) for prompt in prompts for length in (3, 17, 18, 60)]
    return [TokenItem(row, ids(2)) for row in [*rows, rows[3] + ids(20), prompts[0], ids(50), ids(1)]]


def layouts(max_tokens: int) -> Iterator[TreeLayout]:
    for batch in plan_batches(items(), max_tokens).batches:
        yield TreeLayout.of(batch, torch.device("cpu"))


def random_heads(layout: TreeLayout, dtype: torch.dtype, num_sharing: int = NUM_SHARING) -> Heads:
    generator = torch.Generator().manual_seed(1)
    num_tokens = layout.segments[-1].end

    def states(num_heads: int, length: int) -> torch.Tensor:
        # as transformers gives them: a view of (tokens, heads, width)
        return (2 * torch.randn(length, num_heads, WIDTH, generator=generator)).to(dtype).transpose(0, 1)

    num_keys = layout.num_kept + num_tokens
    queries = states(NUM_KEY_HEADS * num_sharing, num_tokens)
    return Heads(queries, states(NUM_KEY_HEADS, num_keys), states(NUM_KEY_HEADS, num_keys), scale=0.3)


def slow_attention(heads: Heads, layout: TreeLayout, window: int | None) -> torch.Tensor:
    """(tokens, heads, width) in float64."""
    queries, keys, values = heads.queries.double(), heads.keys.double(), heads.values.double()
    num_sharing = len(queries) // len(keys)
    keys, values = keys.repeat_interleave(num_sharing, 0), values.repeat_interleave(num_sharing, 0)
    out = torch.empty(queries.shape[1], len(queries), WIDTH, dtype=torch.float64)
    for segment in layout.segments:
        above = layout.above(segment).tolist()
        for token in range(segment.start, segment.end):
            seen = [*above, *range(layout.num_kept + segment.start, layout.num_kept + token + 1)]
            seen = seen if window is None else seen[-window:]
            weights = (heads.scale * keys[:, seen] @ queries[:, token, :, None]).softmax(1)  # (heads, seen, 1)
            out[token] = (weights * values[:, seen]).sum(1)
    return out
