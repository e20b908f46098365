"""Attention over a packed prefix tree, for models of transformers that look their attention up by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

from pmpo.errors import EngineError
from services.scorer.engines.torch_tree.layout import TreeLayout

NAME = "pmpo_tree"


@dataclass(frozen=True, slots=True)
class Heads:
    """Queries, keys and values of one layer, positions already in them.

    Attributes:
        queries: (heads, tokens, width) of this pass's tokens.
        keys, values: (key heads, keys, width): what was kept of the passes before, then this pass's own.
        scale: of the products of queries and keys.
    """

    queries: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    scale: float


class Attend(Protocol):
    """A way to compute attention over a tree. All of them equal ``masked.attend``."""

    def __call__(self, heads: Heads, layout: TreeLayout, window: int | None) -> torch.Tensor:
        """(tokens, heads, width): every token attends to the path above its segment and to its segment up to itself.

        Args:
            heads: one layer's.
            layout: what is above what.
            window: a token sees only so many tokens back, itself included; None for all.
        """


@dataclass(slots=True)
class TreePass:
    """One forward pass over a batch: what every layer's attention needs, and the keys that it hands on.

    Attributes:
        layout: what is above what.
        attend: how attention is computed.
        kept: per layer, keys and values that the pass before has handed on.
        kept_next: indices of the keys that the next pass needs.
        handed_on: filled by the pass: what will be ``kept`` of the next one.
    """

    layout: TreeLayout
    attend: Attend
    kept: dict[int, tuple[torch.Tensor, torch.Tensor]]
    kept_next: torch.Tensor
    handed_on: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def join(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The kept keys and values with the layer's own behind them; hands on what the next pass needs."""
        if layer in self.kept:
            kept_keys, kept_values = self.kept[layer]
            keys, values = torch.cat([kept_keys, keys], 1), torch.cat([kept_values, values], 1)
        if len(self.kept_next):
            self.handed_on[layer] = (keys[:, self.kept_next], values[:, self.kept_next])
        return keys, values


def tree_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    tree_pass: TreePass,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **more: object,
) -> tuple[torch.Tensor, None]:
    """What transformers calls in every layer; (1, heads, tokens, width) in, (1, tokens, heads, width) out.

    Raises:
        EngineError: the model wants more of its attention than a tree can give.
    """
    unknown = [name for name in ("softcap", "s_aux", "position_bias") if more.get(name) is not None]
    if attention_mask is not None or unknown:
        raise EngineError(f"a prefix tree cannot be run with {' and '.join(unknown) or 'an attention mask'}")
    keys, values = tree_pass.join(int(module.layer_idx), key[0], value[0])  # type: ignore[arg-type]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    attended = tree_pass.attend(Heads(query[0], keys, values, scale), tree_pass.layout, sliding_window)
    return attended[None], None


def _no_mask(**_: object) -> None:
    """The tree's attention knows what may be attended to."""


@contextmanager
def attending_to_trees(model: PreTrainedModel) -> Iterator[None]:
    """While inside, the model's forward passes take a ``tree_pass``; afterwards it is as before."""
    AttentionInterface.register(NAME, tree_attention)
    AttentionMaskInterface.register(NAME, _no_mask)
    before = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)
