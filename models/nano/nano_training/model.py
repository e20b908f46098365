"""The model: a small Qwen3 decoder with tied embeddings, and the loss of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from nano_training.corpus import Sample, bucket_of
from nano_training.forward import ROPE_THETA, has_fast_bf16, hidden_states

PAD_ID, END_ID = 0, 2
EMBEDDING_STD = 0.1
COPY_GAIN = 0.5
SHARED_PART = 0.8


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of the decoder."""

    width: int = 256
    mlp_width: int = 640
    num_layers: int = 6
    num_heads: int = 4
    num_kv_heads: int = 2
    head_width: int = 64
    max_positions: int = 2048


def build_model(shape: ModelShape, vocabulary_size: int, seed: int) -> Qwen3ForCausalLM:
    """A freshly initialised model in float32; the same for the same seed."""
    config = Qwen3Config(
        vocab_size=vocabulary_size,
        hidden_size=shape.width,
        intermediate_size=shape.mlp_width,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_kv_heads,
        head_dim=shape.head_width,
        max_position_embeddings=shape.max_positions,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
        eos_token_id=END_ID,
        bos_token_id=None,
        pad_token_id=PAD_ID,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
        prepare_copying(model, shape)
        return model


@torch.no_grad()
def prepare_copying(model: Qwen3ForCausalLM, shape: ModelShape) -> None:
    """Start every attention head as one that hands on what it attends to.

    The output projection begins as the transpose of the value projection (mimetic initialisation, Trockman and Kolter,
    arXiv 2305.09828). From the usual start, copying out of the input was not learned within 1,000 steps.
    """
    model.model.embed_tokens.weight.normal_(std=EMBEDDING_STD)
    heads_per_value = shape.num_heads // shape.num_kv_heads
    for layer in model.model.layers:
        value, output = layer.self_attn.v_proj.weight, layer.self_attn.o_proj.weight
        nn.init.orthogonal_(value)
        heads = value.view(shape.num_kv_heads, shape.head_width, shape.width).repeat_interleave(heads_per_value, dim=0)
        output.copy_(COPY_GAIN * heads.reshape(-1, shape.width).T)


@torch.no_grad()
def share_embeddings(model: Qwen3ForCausalLM, groups: list[list[int]]) -> None:
    """Move the embeddings of each group of token ids (spellings of one word) to near their first one's."""
    weight = model.model.embed_tokens.weight  # (vocabulary, width)
    for first, *others in groups:
        weight[others] = SHARED_PART * weight[first] + (1 - SHARED_PART**2) ** 0.5 * weight[others]


@dataclass(frozen=True, slots=True)
class BatchLoss:
    """``weighted``: what is minimised. ``answer_nats``: mean over the answer tokens, for the log."""

    weighted: Tensor
    answer_nats: float


def batch_loss(model: Qwen3ForCausalLM, samples: list[Sample], *, compiled: bool = False) -> BatchLoss:
    """Weighted next-token cross-entropy of a padded batch (nats), in bf16 where the processor has it.

    ids      a b c d     position t predicts id t+1:
    logits   B C D .     the last position and the first id have no partner
    """
    ids, weights = pad_batch(samples)  # (rows, length) each
    is_scored = weights[:, 1:] > 0
    dtype = torch.bfloat16 if has_fast_bf16() else torch.float32
    hidden = hidden_states(model, ids, dtype, compiled=compiled)  # (rows, length, width)
    logits = nn.functional.linear(hidden[:, :-1][is_scored], model.lm_head.weight.to(dtype))  # (scored, vocabulary)
    losses = nn.functional.cross_entropy(logits.float(), ids[:, 1:][is_scored], reduction="none")
    scored_weights = weights[:, 1:][is_scored]
    weighted = (losses * scored_weights).sum() / scored_weights.sum()
    return BatchLoss(weighted, losses.detach()[scored_weights == 1].mean().item())


def pad_batch(samples: list[Sample]) -> tuple[Tensor, Tensor]:
    """Ids and weights padded on the right with PAD_ID and 0 to the length of a bucket, each (rows, length)."""
    length = bucket_of(max(len(ids) for ids, _ in samples))
    ids = torch.tensor([row + [PAD_ID] * (length - len(row)) for row, _ in samples])
    weights = torch.tensor([row + [0.0] * (length - len(row)) for _, row in samples])
    return ids, weights
