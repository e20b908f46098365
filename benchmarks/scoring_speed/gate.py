"""The gate before every timing: a contender whose numbers are not those of plain scoring is shown as failed.

The reference is one sequence at a time in float32 with full logits, on items spread evenly over all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MAX_SUM_NATS = {"float32": 1e-4}
MAX_MEAN_NATS = {"bfloat16": 5e-2}


def compare(
    answer: Mapping[str, Any], reference: Sequence[Sequence[float]], places: Sequence[int], dtype: str
) -> dict[str, Any]:
    """Differences to the reference, and whether they pass.

    float32: at most 1e-4 nats on a sequence's sum. bfloat16: at most 5e-2 on a sequence's mean.

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
    if dtype in MAX_SUM_NATS:
        found["passed"] = bool(found["max_abs_sum_nats"] <= MAX_SUM_NATS[dtype])
    else:
        found["passed"] = bool(found["max_abs_mean_nats"] <= MAX_MEAN_NATS[dtype])
    return found
