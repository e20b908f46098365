"""Memory for log-probabilities, which vLLM's own profile leaves out."""

from __future__ import annotations

from pmpo.errors import ConfigurationError

BYTES_PER_LOGIT = 6  # float32 logits and a bfloat16 copy, at their peak
LEAST_SHARE = 0.1


def share_of_gpu(wanted: float, total_bytes: int, num_rows: int, vocab_size: int) -> float:
    """The share of a GPU that vLLM may plan with, so that ``num_rows`` rows of logits still fit beside it.

    Args:
        wanted: the share that all of it together may take.
        total_bytes: the GPU's memory.
        num_rows: rows that are scored in one step at most: the tokens of a batch.
        vocab_size: entries of a row.

    Raises:
        ConfigurationError: hardly anything would be left for the model.
    """
    share = wanted - num_rows * vocab_size * BYTES_PER_LOGIT / total_bytes
    if share < LEAST_SHARE:
        raise ConfigurationError(
            f"log-probabilities of {num_rows} tokens over {vocab_size} entries take more than the GPU has to spare: "
            "lower PMPO_SCORER_MAX_BATCH_TOKENS"
        )
    return share
