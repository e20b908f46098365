"""Key-value caches of several rows, aligned at their newest token: joined, and cut where nothing is left to see.

::

    running      a a a a a          joined     a a a a a
    joining          b b b                     0 0 b b b      the mask hides what stands left of a row's first token
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer


def can_join(config: PreTrainedConfig) -> bool:
    """Whether caches of this model can be joined: every layer keeps keys and values by token, in order."""
    cache = DynamicCache(config=config)
    kinds: set[object] = {type(layer) for layer in cache.layers} or {cache.layer_class_to_replicate}
    return kinds <= {DynamicLayer, DynamicSlidingWindowLayer}


def join(running: DynamicCache, joining: DynamicCache) -> None:
    """Add the rows of ``joining`` below those of ``running``, in place; the shorter rows are padded on the left."""
    for layer, other in zip(_layers(running), _layers(joining), strict=True):
        if layer.is_initialized:  # layers that share another's keys hold none
            length = max(layer.get_seq_length(), other.get_seq_length())
            kept = _num_kept(layer, length)
            layer.keys = torch.cat([_padded(layer.keys, kept), _padded(other.keys, kept)])
            layer.values = torch.cat([_padded(layer.values, kept), _padded(other.values, kept)])
            _set_length(layer, length)


def keep_newest(cache: DynamicCache, num_tokens: int) -> None:
    """Forget all but the newest ``num_tokens`` columns, in place."""
    for layer in _layers(cache):
        if layer.is_initialized and num_tokens < layer.get_seq_length():
            kept = _num_kept(layer, num_tokens)
            layer.keys, layer.values = (_cut(states, kept) for states in (layer.keys, layer.values))
            _set_length(layer, num_tokens)


def _layers(cache: DynamicCache) -> list[DynamicLayer]:
    """The layers of a cache that ``can_join``."""
    return [layer for layer in cache.layers if isinstance(layer, DynamicLayer)]


def _num_kept(layer: DynamicLayer, length: int) -> int:
    """Columns that a layer holds of so many tokens."""
    return min(length, layer.sliding_window - 1) if isinstance(layer, DynamicSlidingWindowLayer) else length


def _set_length(layer: DynamicLayer, length: int) -> None:
    if isinstance(layer, DynamicSlidingWindowLayer):
        layer.cumulative_length = length


def _padded(states: torch.Tensor | None, num_columns: int) -> torch.Tensor:
    """(rows, heads, columns, width) with zeros on the left."""
    assert states is not None
    return F.pad(states, (0, 0, num_columns - states.shape[-2], 0))


def _cut(states: torch.Tensor | None, num_columns: int) -> torch.Tensor:
    assert states is not None
    return states[:, :, states.shape[-2] - num_columns :]
