"""The decoder's forward pass for training: equal to transformers' Qwen3 model, laid out so that it compiles well.

Slow formula: ``model.model(input_ids=ids).last_hidden_state``; a test compares the two. On two cores with bf16 units it
trains about twice as fast: projections are joined, attention is two batched products, and each layer is one compiled
graph.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Qwen3ForCausalLM
from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer

LayerFunction = Callable[[Tensor, dict[str, Tensor], Tensor, Tensor, Tensor], Tensor]
EPSILON = 1e-6
ROPE_THETA = 10_000.0


def has_fast_bf16() -> bool:
    """Does this processor multiply bf16 in hardware? Elsewhere bf16 was measured 400 times slower than float32."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def hidden_states(model: Qwen3ForCausalLM, ids: Tensor, dtype: torch.dtype, *, compiled: bool = False) -> Tensor:
    """Normalised hidden states of a padded batch in ``dtype``; ids (rows, length) -> (rows, length, width)."""
    layer_function = _compiled_layer() if compiled else _layer
    head_width = model.config.head_dim
    cosine, sine = _rotation(ids.shape[1], head_width, dtype)
    mask = torch.full((ids.shape[1], ids.shape[1]), float("-inf")).triu(1)  # (length, length)
    hidden = F.embedding(ids, model.model.embed_tokens.weight).to(dtype)
    for layer in model.model.layers:
        hidden = layer_function(hidden, _weights(layer, dtype), cosine, sine, mask)
    return F.rms_norm(hidden, (hidden.shape[-1],), model.model.norm.weight.to(dtype), EPSILON)


@functools.lru_cache(maxsize=1)
def _compiled_layer() -> LayerFunction:
    compiled: LayerFunction = torch.compile(_layer, dynamic=False)
    return compiled


def _weights(layer: Qwen3DecoderLayer, dtype: torch.dtype) -> dict[str, Tensor]:
    """A layer's weights in ``dtype``, projections of one input joined."""
    attention, mlp = layer.self_attn, layer.mlp
    joined: dict[str, list[Tensor]] = {
        "input": [attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight],
        "output": [attention.o_proj.weight],
        "gate_up": [mlp.gate_proj.weight, mlp.up_proj.weight],
        "down": [mlp.down_proj.weight],
        "norm_1": [layer.input_layernorm.weight],
        "norm_2": [layer.post_attention_layernorm.weight],
        "norm_q": [attention.q_norm.weight],
        "norm_k": [attention.k_norm.weight],
    }
    return {name: (torch.cat(parts) if len(parts) > 1 else parts[0]).to(dtype) for name, parts in joined.items()}


def _layer(hidden: Tensor, weights: dict[str, Tensor], cosine: Tensor, sine: Tensor, mask: Tensor) -> Tensor:
    """One decoder layer; hidden (rows, length, width)."""
    width = hidden.shape[-1]
    normed = F.rms_norm(hidden, (width,), weights["norm_1"], EPSILON)
    attended = _attention(F.linear(normed, weights["input"]), weights, cosine, sine, mask)
    hidden = hidden + F.linear(attended, weights["output"])
    normed = F.rms_norm(hidden, (width,), weights["norm_2"], EPSILON)
    gate, up = F.linear(normed, weights["gate_up"]).chunk(2, -1)
    return hidden + F.linear(F.silu(gate) * up, weights["down"])


def _attention(joined: Tensor, weights: dict[str, Tensor], cosine: Tensor, sine: Tensor, mask: Tensor) -> Tensor:
    """Causal attention with grouped queries; joined (rows, length, (heads + 2 key heads) * head width)."""
    rows, length, _ = joined.shape
    head_width = weights["norm_q"].shape[0]
    num_heads = weights["output"].shape[1] // head_width
    num_kv_heads = (weights["input"].shape[0] // head_width - num_heads) // 2
    group = num_heads // num_kv_heads
    query, key, value = joined.split([n * head_width for n in (num_heads, num_kv_heads, num_kv_heads)], -1)
    query = F.rms_norm(query.view(rows, length, num_heads, head_width), (head_width,), weights["norm_q"], EPSILON)
    key = F.rms_norm(key.view(rows, length, num_kv_heads, head_width), (head_width,), weights["norm_k"], EPSILON)
    query = _rotate(query.transpose(1, 2), cosine, sine) * head_width**-0.5
    key = _rotate(key.transpose(1, 2), cosine, sine)
    batch = rows * num_kv_heads  # one product for all query heads that share a key head
    scores = torch.bmm(
        query.reshape(batch, group * length, head_width), key.reshape(batch, length, head_width).mT
    ).view(batch, group, length, length)
    shares = torch.softmax(scores.float() + mask, -1).to(joined.dtype)
    values = value.view(rows, length, num_kv_heads, head_width).transpose(1, 2).reshape(batch, length, head_width)
    mixed = torch.bmm(shares.view(batch, group * length, length), values)
    return mixed.view(rows, num_heads, length, head_width).transpose(1, 2).reshape(rows, length, -1)


def _rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return x * cosine + torch.cat([-x[..., half:], x[..., :half]], -1) * sine


def _rotation(length: int, head_width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary embedding, each (length, head width)."""
    frequencies = ROPE_THETA ** -(torch.arange(0, head_width, 2) / head_width)
    angles = torch.outer(torch.arange(length).float(), frequencies)
    doubled = torch.cat([angles, angles], -1)
    return doubled.cos().to(dtype), doubled.sin().to(dtype)
