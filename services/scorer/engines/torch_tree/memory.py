"""How much memory a forward pass takes beside the weights, and how much this process has taken."""

from __future__ import annotations

import ctypes
import resource
import sys
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from services.scorer.engines.torch_tree.head import BLOCK_ROWS, BLOCK_TOKENS, MAX_LOGIT_BYTES, MAX_PAIR_BYTES

_BYTES_FLOAT32 = 4
# glibc's allocator hands tensors up to about this size out again; larger ones are new pages, which the system fills
# with zeros first: +30 % for the feed-forward layers of a 0.5B model (9,500 page faults for 1,000 tokens, none below).
REUSED_TENSOR_BYTES = 12 * 2**20
KEPT_BYTES = 128 * 2**20
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_MAX_MMAP_THRESHOLD = 32 * 2**20  # glibc takes no more
MIN_TOKENS_ON_CPU = 512  # fewer do not pay for reading a big model's weights


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of a forward pass in tree mode.

    Attributes:
        fixed_bytes: whatever the batch: blocks of the output layer.
        token_bytes: for every token of the batch: what a decoder layer holds at its widest point.
        widest_bytes: for every token: the largest single tensor.
    """

    fixed_bytes: int
    token_bytes: int
    widest_bytes: int

    @classmethod
    def of(cls, model: PreTrainedModel) -> Footprint:
        """The footprint of a model, from the sizes in its configuration."""
        config = model.config.get_text_config()
        item = model.dtype.itemsize
        heads = int(config.num_attention_heads)
        width = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
        key_heads = int(getattr(config, "num_key_value_heads", None) or heads)
        inner = int(getattr(config, "intermediate_size", None) or 4 * config.hidden_size)
        norm = 3 * config.hidden_size * _BYTES_FLOAT32  # computed in float32
        attention = (6 * heads + 5 * key_heads) * width * item  # with the copies that put tokens side by side
        if model.device.type == "cpu":  # where these are float32
            attention = ((item + 6 * _BYTES_FLOAT32) * heads + (2 * item + 4 * _BYTES_FLOAT32) * key_heads) * width
        gated = 3 * inner * item
        logits = 2 * _BYTES_FLOAT32 * BLOCK_ROWS * BLOCK_TOKENS if model.device.type == "cpu" else 2 * MAX_LOGIT_BYTES
        return cls(
            fixed_bytes=logits + MAX_PAIR_BYTES,
            token_bytes=3 * config.hidden_size * item + max(norm, attention, gated),
            widest_bytes=max(inner, heads * width) * item,
        )

    def num_tokens(self, max_bytes: int) -> int:
        """Most tokens of a pass that takes no more; 0 or fewer where not even the fixed part fits."""
        return (max_bytes - self.fixed_bytes) // self.token_bytes

    @property
    def num_quick_tokens(self) -> int:
        """Most tokens of a pass on the CPU whose tensors are in memory that is used again and again."""
        return max(MIN_TOKENS_ON_CPU, REUSED_TENSOR_BYTES // self.widest_bytes)

    def num_bytes(self, num_tokens: int) -> int:
        """Of a pass over so many tokens."""
        return self.fixed_bytes + num_tokens * self.token_bytes


def keep_freed_memory() -> None:
    """Let this process keep up to ``KEPT_BYTES`` that were freed, for the next layer; left alone, glibc may give them
    back to the system and take new pages at every tensor. Changes nothing where there is no glibc.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, _MAX_MMAP_THRESHOLD)
        library.mallopt(_TRIM_THRESHOLD, KEPT_BYTES)


def peak_bytes(device: torch.device) -> int:
    """Most memory held at once since the start: the GPU's that torch took, else the process's resident set."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was asked for and not given."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)  # torch's allocator on the CPU
