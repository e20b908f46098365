"""Prefix-cache mode: sequences that begin alike share one prefix, run once into a cache that is laid out for all.

Which row predicts which token (c = context, t = target, p = shared prefix)::

    sequence   c0 c1 c2 c3 t0 t1 t2
    input      c0 c1 c2 c3 t0 t1        the last token is predicted, never read
    prefix     p0 p1 p2 p3              run once for the group, its last hidden state kept
    suffix                 t0 t1        one row a member, padded on the right (causal: padding is never attended)
    predicts            t0 t1 t2        from the hidden state above it, prefix rows included
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from services.scorer.engines.base import ScoredItems, TokenItem
from services.scorer.engines.torch_tree.head import OutputLayer
from services.scorer.engines.torch_tree.sequences import Sequences, TokenIds
from services.scorer.planner.groups import PrefixGroup, plan_groups

CACHE_TOKENS_PER_BATCH_TOKEN = 2


class PrefixCacheMode:
    """Scores with models that can go on from a cache."""

    name = "prefix_cache"

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._output_layer = OutputLayer.of(model)

    def score(self, items: Sequence[TokenItem], max_tokens: int) -> ScoredItems:
        """See ``modes.Mode``."""
        sequences = Sequences.of(items, lambda item: (item.context + item.target)[:-1])
        with torch.inference_mode():
            for group in plan_groups(sequences.inputs):
                self._score_group(sequences, group, max_tokens)
        return sequences.scored()

    def _score_group(self, sequences: Sequences, group: PrefixGroup, max_tokens: int) -> None:
        num_shared = group.prefix_length
        prefix = sequences.inputs[group.members[0]][:num_shared]
        prefix_hidden, cache = self._run_prefix(prefix)
        sequences.count(group.members[0], num_shared)
        for members in _batches(sequences.inputs, group, max_tokens):
            suffixes = [sequences.inputs[member][num_shared:] for member in members]
            hidden = self._run_suffixes(suffixes, cache)  # (members, longest, width)
            longest = hidden.shape[1]
            for member, suffix in zip(members, suffixes, strict=True):
                sequences.count(member, len(suffix))

            def rows_of(place: int, suffixes: list[TokenIds] = suffixes, longest: int = longest) -> np.ndarray:
                start = num_shared + place * longest
                return np.concatenate([np.arange(num_shared), np.arange(start, start + len(suffixes[place]))])

            rows = torch.cat([prefix_hidden, hidden.flatten(0, 1)]) if num_shared else hidden.flatten(0, 1)
            sequences.take(members, rows_of, rows, self._output_layer)

    def _run_prefix(self, prefix: TokenIds) -> tuple[torch.Tensor, DynamicCache | None]:
        """Hidden states (prefix, width) and the filled cache of one sequence; an empty prefix has neither."""
        if not prefix:
            return torch.empty(0, device=self._model.device), None
        cache = DynamicCache(config=self._model.config)
        ids = torch.tensor([prefix], device=self._model.device)
        output = self._model.base_model(input_ids=ids, past_key_values=cache, use_cache=True)
        return output.last_hidden_state[0], cache

    def _run_suffixes(self, suffixes: Sequence[TokenIds], cache: DynamicCache | None) -> torch.Tensor:
        """Hidden states (rows, longest, width) of suffixes, longest first, after the cached prefix."""
        longest = len(suffixes[0])
        if not longest:
            width = self._model.config.get_text_config().hidden_size
            return torch.empty(len(suffixes), 0, width, dtype=self._model.dtype, device=self._model.device)
        ids = torch.tensor(
            [suffix + (suffix or suffixes[0])[-1:] * (longest - len(suffix)) for suffix in suffixes],
            device=self._model.device,
        )
        rows = None if cache is None else _expanded(cache, len(suffixes))
        output = self._model.base_model(input_ids=ids, past_key_values=rows, use_cache=rows is not None)
        hidden: torch.Tensor = output.last_hidden_state
        return hidden


def _batches(inputs: Sequence[TokenIds], group: PrefixGroup, max_tokens: int) -> Iterator[list[int]]:
    """The group's members, longest first, in batches that the token limits allow (at least one member each)."""
    lengths = {member: len(inputs[member]) - group.prefix_length for member in group.members}
    waiting = sorted(group.members, key=lambda member: -lengths[member])
    while waiting:
        longest = max(lengths[waiting[0]], 1)
        num_cached = longest + group.prefix_length
        room = min(max_tokens // longest, CACHE_TOKENS_PER_BATCH_TOKEN * max_tokens // num_cached)
        yield waiting[: max(room, 1)]
        waiting = waiting[max(room, 1) :]


def _expanded(cache: DynamicCache, num_rows: int) -> DynamicCache:
    """A copy of a one-row cache for ``num_rows`` rows; plain attention layers share the row's memory."""
    rows = copy.copy(cache)
    rows.layers = []
    for layer in cache.layers:
        if isinstance(layer, DynamicLayer) and set(vars(layer)) <= _PLAIN_LAYER_STATE:
            shared = copy.copy(layer)
            shared.keys, shared.values = (
                None if states is None else states.expand(num_rows, -1, -1, -1) for states in (layer.keys, layer.values)
            )
            rows.layers.append(shared)
        else:
            copied = copy.deepcopy(layer)
            copied.reorder_cache(cast(torch.LongTensor, torch.zeros(num_rows, dtype=torch.long)))
            rows.layers.append(copied)
    return rows


_PLAIN_LAYER_STATE = {
    "keys", "values", "is_initialized", "dtype", "device",
    "sliding_window", "cumulative_length", "_sliding_window_tensor", "record_past",
}  # fmt: skip
