"""How much there is to compute when every token is computed once: counted here without any engine's help.

The inputs of all items (everything but the last token of each, which is predicted and never read) form a prefix tree.
Its nodes are the unique tokens, at their depths; the nodes from which a target is predicted are the head's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.scoring_speed.shapes import Item, Tokens


@dataclass(frozen=True, slots=True)
class ModelSize:
    """What the cost of a token depends on. ``body_parameters``: those of the layers, embedding and head left out."""

    body_parameters: int
    num_layers: int
    attention_width: int
    hidden_size: int
    vocabulary: int
    weight_bytes: int
    key_value_bytes: int
    widest_activation: int


@dataclass(frozen=True, slots=True)
class Work:
    """Attributes: unique_tokens: nodes of the tree; attended: keys that they attend to, in all; head_rows."""

    unique_tokens: int
    attended: int
    head_rows: int

    def flops(self, model: ModelSize) -> float:
        """Floating-point operations: the layers' products, attention (scores and values), the head at its rows."""
        body = 2.0 * self.unique_tokens * model.body_parameters
        attention = 4.0 * self.attended * model.attention_width * model.num_layers
        return body + attention + 2.0 * self.head_rows * model.hidden_size * model.vocabulary


def count_work(items: Sequence[Item]) -> Work:
    """Count by walking the sorted inputs: each adds what it does not share with the one before."""
    inputs = sorted({((context + target)[:-1], len(context) - 1) for context, target in items})
    path: list[int] = []
    last: Tokens = ()
    num_nodes = attended = 0
    rows: set[int] = set()
    for tokens, start in inputs:
        shared = common_prefix(last, tokens)
        num_new = len(tokens) - shared
        path[shared:] = range(num_nodes, num_nodes + num_new)
        num_nodes += num_new
        attended += (shared + 1 + len(tokens)) * num_new // 2
        rows.update(path[start:])
        last = tokens
    return Work(num_nodes, attended, len(rows))


def common_prefix(first: Tokens, second: Tokens) -> int:
    """Tokens with which both begin."""
    for place, (left, right) in enumerate(zip(first, second, strict=False)):
        if left != right:
            return place
    return min(len(first), len(second))


MAX_LOGIT_BYTES = 256 * 2**20


def budget_bytes(model: ModelSize, batch_tokens: int) -> int:
    """Memory that a pass of ``batch_tokens`` may take beside the weights.

    Keys and values of all layers and one layer's activations for each token, and one chunk of float32 logits.
    """
    return batch_tokens * (model.key_value_bytes + model.widest_activation) + MAX_LOGIT_BYTES
