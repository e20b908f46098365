"""A transformers model for the contenders that hold one in their own process."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from benchmarks.scoring_speed.contenders.serving import Loading

PACKAGES = ("torch", "transformers", "numpy")


def load(loading: Loading) -> PreTrainedModel:
    """The model in its dtype on its device, ready for inference."""
    torch.set_num_threads(loading.threads)
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        loading.model, dtype=getattr(torch, loading.dtype), local_files_only=True, use_safetensors=True
    )
    torch.nn.Module.to(model, loading.device)
    model.eval().requires_grad_(False)
    return model


def size_of(model: PreTrainedModel) -> Mapping[str, int]:
    """The fields of ``ModelSize``."""
    config = model.config.get_text_config()
    head: torch.Tensor = model.get_output_embeddings().weight
    outside = {id(weight): weight.numel() for weight in (_embedding(model), head)}  # one when they are tied
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return {
        "body_parameters": sum(weight.numel() for weight in model.parameters()) - sum(outside.values()),
        "num_layers": config.num_hidden_layers,
        "attention_width": head_dim * config.num_attention_heads,
        "hidden_size": config.hidden_size,
        "vocabulary": head.shape[0],
        "weight_bytes": sum(weight.numel() * weight.element_size() for weight in model.parameters()),
        "key_value_bytes": 2 * config.num_hidden_layers * config.num_key_value_heads * head_dim * model.dtype.itemsize,
        "widest_activation": (2 * config.intermediate_size + 4 * config.hidden_size) * model.dtype.itemsize,
    }


def _embedding(model: PreTrainedModel) -> torch.Tensor:
    weight = model.get_input_embeddings().weight
    assert isinstance(weight, torch.Tensor)
    return weight
