"""The slow formula that every mode equals, and the made-up items on which a mode has to show it."""

from __future__ import annotations

import numpy as np
import torch
from transformers import PreTrainedModel

from services.scorer.engines.base import FloatArray, TokenItem

NUM_CHECK_TOKENS = 40


def slow_log_likelihoods(model: PreTrainedModel, item: TokenItem) -> FloatArray:
    """(target tokens,) entries of the full ``log_softmax``, one sequence alone; only the target's rows are kept."""
    with torch.inference_mode():
        ids = torch.tensor([item.context + item.target], device=model.device)
        output = model(input_ids=ids, use_cache=False, logits_to_keep=len(item.target) + 1)
        log_probs = output.logits[0].float().log_softmax(-1)  # (target tokens + 1, vocabulary)
        predicted = log_probs[:-1].gather(1, ids[0, len(item.context) :, None])[:, 0]
    values: FloatArray = predicted.cpu().numpy()
    return values


def check_items(num_ids: int, context_length: int, window: int | None) -> list[TokenItem]:
    """Made-up items that use a long shared prefix, several lengths after it and a target that lies in the prefix.

    Where the model slides a window, the prefix is longer than that, if the context length allows.
    """
    length = min(NUM_CHECK_TOKENS + (window or 0), context_length // 2)
    ids = [(7919 * step + 13) % num_ids for step in range(length + NUM_CHECK_TOKENS)]
    prefix = tuple(ids[:length])
    starts = (0, 3, 7)
    items = [TokenItem(prefix + tuple(ids[length : length + s]), tuple(ids[-s - 3 :])) for s in starts]
    return [*items, TokenItem(prefix, (ids[-1],)), TokenItem(prefix[: length // 2], prefix[length // 2 :])]


def mean_error_nats(found: FloatArray, expected: FloatArray) -> float:
    """Mean over the tokens of the absolute difference."""
    return float(np.abs(found - expected).mean())
