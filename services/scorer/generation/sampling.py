"""Drawing tokens: every row from a random stream of its own, so that company never changes a draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


def random_stream(seed: int, sample_index: int) -> np.random.Generator:
    """The stream of one sample: counter-based (Philox), keyed by the request's seed and the sample's index."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, sample_index], dtype=np.uint64)))


def draw_tokens(
    logits: torch.Tensor, temperatures: Sequence[float], top_ps: Sequence[float], uniforms: Sequence[float]
) -> list[int]:
    """One token a row by inverting the cumulative distribution of its nucleus, in float64.

    Args:
        logits: (rows, vocabulary), finite.
        temperatures: one a row; 0 takes the most likely token and reads no uniform.
        top_ps: one a row, in (0, 1].
        uniforms: one a row, in [0, 1).
    """
    scale = torch.tensor(
        [temperature or 1.0 for temperature in temperatures], dtype=torch.float64, device=logits.device
    )
    probabilities = (logits.double() / scale[:, None]).softmax(-1)
    ordered, ids = probabilities.sort(dim=-1, descending=True, stable=True)  # (rows, vocabulary)
    limits = torch.tensor(top_ps, dtype=torch.float64, device=logits.device)[:, None]
    before = ordered.cumsum(-1) - ordered
    nucleus = torch.where((before < limits) | (limits >= 1), ordered, 0.0)
    nucleus[:, 0] = ordered[:, 0]
    cumulative = nucleus.cumsum(-1)
    points = torch.tensor(uniforms, dtype=torch.float64, device=logits.device)[:, None] * cumulative[:, -1:]
    places = torch.searchsorted(cumulative, points, right=True)  # (rows, 1)
    last = (nucleus > 0).sum(-1, keepdim=True) - 1
    drawn = ids.gather(1, torch.minimum(places, last))[:, 0].tolist()
    best = logits.argmax(-1).tolist()
    return [int(b if t == 0 else d) for t, d, b in zip(temperatures, drawn, best, strict=True)]
