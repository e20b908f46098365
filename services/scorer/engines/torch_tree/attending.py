"""Which way of computing a tree's attention a device and a dtype get."""

from __future__ import annotations

import torch

from services.scorer.engines.torch_tree import cascade, masked
from services.scorer.engines.torch_tree.tree_attention import Attend

_VARLEN_DTYPES = (torch.float16, torch.bfloat16)


def choose_attend(device: torch.device, dtype: torch.dtype) -> Attend:
    """The fastest that the device has; segment by segment with masks where it has none."""
    if device.type == "cpu" and hasattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu"):
        return cascade.attend
    if device.type == "cuda" and dtype in _VARLEN_DTYPES:
        from services.scorer.engines.torch_tree.varlen import VarlenAttention

        return VarlenAttention()
    return masked.attend
