"""Nothing reads the last layer's output but the output layer, so it is needed at the rows of predictions alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel


@contextmanager
def feeding_forward_at(rows: torch.Tensor, model: PreTrainedModel) -> Iterator[None]:
    """While inside, the feed-forward network of the model's last layer runs at ``rows`` of (1, tokens, width) alone.

    It gives zeros elsewhere: hidden states are right at ``rows`` only. Afterwards the model is as before.
    """
    base: Any = model.base_model
    network = base.layers[-1].mlp
    whole = network.forward

    def at_rows(hidden: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(hidden)
        out[:, rows] = whole(hidden[:, rows])
        return out

    network.forward = at_rows
    try:
        yield
    finally:
        del network.forward
