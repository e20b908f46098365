"""A tiny model with random weights of every architecture that the suite is about."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PhiConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3_5TextConfig,
    Qwen3Config,
    SmolLM3Config,
)

CONTEXT_LENGTH = 128
WINDOW = 8
LONGROPE_LIMIT = 48  # some sequences of the suite are longer, some are not

SHAPE = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT_LENGTH,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
HALF_SLIDING = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
LLAMA3_ROPE = {
    "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """A configuration, and the modes that suit it, the one that is chosen first."""

    config: PreTrainedConfig
    modes: tuple[str, ...]


def longrope(head: int) -> dict[str, object]:
    """Positions with one set of frequencies for short sequences and another for long ones."""
    num = head // 2
    return {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "short_factor": [1.0] * num,
        "long_factor": [2.0 + place for place in range(num)],
        "factor": CONTEXT_LENGTH / LONGROPE_LIMIT,
    }


TREE = ("tree", "prefix_cache", "padded")
CACHE = ("prefix_cache", "padded")


def architectures(width: int = 32) -> dict[str, Architecture]:
    """All of them. ``width``: of the hidden states; a head has a quarter of it."""
    return {**tree_architectures(width), **other_architectures(width)}


def tree_architectures(width: int) -> dict[str, Architecture]:
    shape, head = {**SHAPE, "hidden_size": width}, width // 4
    return {
        "llama": Architecture(LlamaConfig(**shape), TREE),
        "smollm2": Architecture(LlamaConfig(**shape, tie_word_embeddings=True, rope_theta=1e5), TREE),
        "smollm3": Architecture(SmolLM3Config(**shape, no_rope_layers=[1, 0]), TREE),
        "qwen2": Architecture(Qwen2Config(**shape), TREE),
        "qwen2.5": Architecture(Qwen2Config(**shape, tie_word_embeddings=True, rope_theta=1e6), TREE),
        "qwen2-sliding": Architecture(Qwen2Config(**shape, use_sliding_window=True, **HALF_SLIDING), TREE),
        "qwen3": Architecture(Qwen3Config(**shape, head_dim=head, tie_word_embeddings=True), TREE),
        "deepseek-r1-distill-qwen": Architecture(Qwen2Config(**shape, rope_theta=1e4), TREE),
        "deepseek-r1-distill-llama": Architecture(LlamaConfig(**shape, rope_parameters=dict(LLAMA3_ROPE)), TREE),
        "mistral": Architecture(MistralConfig(**shape, sliding_window=WINDOW), TREE),
        "mistral-full": Architecture(MistralConfig(**shape, sliding_window=None, head_dim=16), TREE),
        "gemma3": Architecture(
            Gemma3TextConfig(**shape, head_dim=head, query_pre_attn_scalar=head, **HALF_SLIDING), TREE
        ),
    }


def other_architectures(width: int) -> dict[str, Architecture]:
    shape, head = {**SHAPE, "hidden_size": width}, width // 4
    return {
        "gemma2": Architecture(
            Gemma2Config(
                **shape,
                head_dim=head,
                query_pre_attn_scalar=head,
                attn_logit_softcapping=5.0,
                final_logit_softcapping=7.0,
                **HALF_SLIDING,
            ),
            CACHE,
        ),
        "phi": Architecture(PhiConfig(**shape, partial_rotary_factor=0.5), CACHE),  # its output layer has a bias
        "granite": Architecture(GraniteConfig(**shape, logits_scaling=4.0), CACHE),
        "cohere": Architecture(CohereConfig(**shape, logit_scale=0.5), CACHE),
        "phi3-longrope": Architecture(
            Phi3Config(**shape, original_max_position_embeddings=LONGROPE_LIMIT, rope_parameters=longrope(head)),
            ("padded",),
        ),
        "qwen3.5-hybrid": Architecture(
            Qwen3_5TextConfig(
                **shape,
                head_dim=head,
                layer_types=["linear_attention", "full_attention"],
                linear_num_key_heads=2,
                linear_num_value_heads=4,
                linear_key_head_dim=head,
                linear_value_head_dim=head,
            ),
            CACHE,
        ),
        "gpt2": Architecture(
            GPT2Config(
                vocab_size=97,
                n_embd=width,
                n_layer=2,
                n_head=4,
                n_positions=CONTEXT_LENGTH,
                bos_token_id=None,
                eos_token_id=None,
            ),
            CACHE,
        ),
    }


def tiny_model(config: PreTrainedConfig, dtype: torch.dtype = torch.float32, spread: float = 4.0) -> PreTrainedModel:
    """Random weights; ``spread`` makes them larger, so that predictions differ from position to position."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(spread)
    return model.to(dtype).requires_grad_(False)
