"""The gate before every timing: a contender whose numbers are not those of plain scoring is shown as failed.

The reference is one sequence at a time in float32 with full logits, on items spread evenly over all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MAX_SUM_NATS = 1e-4
MAX_ROUNDINGS = 2 * float(np.finfo(np.float32).eps)  # of a sum: random ids are unlikely, a sum may be a thousand nats
MAX_MEAN_NATS = 5e-2


def compare(
    answer: Mapping[str, Any], reference: Sequence[Sequence[float]], places: Sequence[int], dtype: str
) -> dict[str, Any]:
    """Differences to the reference, and whether they pass.

    float32: at most 1e-4 nats on a sequence's sum, or two roundings of the sum in float32 where these are more.
    bfloat16: at most 5e-2 on a sequence's mean.

    Args:
        answer: ``sums`` of all items, ``tokens`` where the contender tells them.
        reference: log-likelihoods of the target tokens of the items at ``places``.
        places: indices into ``sums``.
        dtype: of the contender.
    """
    sums = np.array([answer["sums"][place] for place in places])
    right = np.array([sum(row) for row in reference])
    lengths = np.array([len(row) for row in reference])
    errors = np.abs(sums - right)
    found: dict[str, Any] = {
        "num_items": len(places),
        "max_abs_sum_nats": float(errors.max()),
        "max_abs_mean_nats": float((errors / lengths).max()),
    }
    if answer["tokens"] is not None:
        tokens = np.concatenate([answer["tokens"][place] for place in places])
        noise = tokens - np.concatenate(list(reference))
        found["rms_token_nats"] = float(np.sqrt((noise**2).mean()))
        found["max_abs_token_nats"] = float(np.abs(noise).max())
    allowed = np.maximum(MAX_SUM_NATS, MAX_ROUNDINGS * np.abs(right)) if dtype == "float32" else MAX_MEAN_NATS * lengths
    found["passed"] = bool((errors <= allowed).all())
    return found
