"""How much of its work a model lets an engine share: an allow-list proposes, a check on made-up items disposes."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from pmpo.errors import EngineError
from services.scorer.engines.base import FloatArray, ScoredItems, TokenItem
from services.scorer.engines.torch_tree.padded import PaddedMode
from services.scorer.engines.torch_tree.plain import check_items, mean_error_nats, slow_log_likelihoods
from services.scorer.engines.torch_tree.prefix_cache import PrefixCacheMode
from services.scorer.engines.torch_tree.tree import TreeMode

logger = logging.getLogger(__name__)
TREE_TYPES = frozenset({"llama", "qwen2", "qwen3", "mistral", "gemma3_text", "smollm3"})
TREE_ROPE_TYPES = frozenset({"default", "linear", "llama3", "yarn", "proportional"})
TOLERANCE_NATS = {torch.float32: 1e-3, torch.bfloat16: 0.25, torch.float16: 0.05}  # a target token, mean
MAX_CHECKED_WINDOW = 1024  # a longer one costs minutes on a big model


class Mode(Protocol):
    """A way to share work. All of them equal ``plain.slow_log_likelihoods``."""

    @property
    def name(self) -> str:
        """What answers call it."""

    def score(self, items: Sequence[TokenItem], max_tokens: int) -> ScoredItems:
        """Scores of at least one item; forward passes of at most ``max_tokens`` where one item alone is no longer."""


class ModeCheck:
    """Compares modes with plain scoring, which is run once for all of them."""

    def __init__(self, model: PreTrainedModel, context_length: int) -> None:
        self._model = model
        config = model.config.get_text_config()
        window = getattr(config, "sliding_window", None)
        self._items = check_items(
            config.vocab_size, context_length, window if window and window <= MAX_CHECKED_WINDOW else None
        )
        self._expected: list[FloatArray] = []

    def error_nats(self, mode: Mode, max_tokens: int) -> float:
        """Greatest of the items' mean differences a token. Raises whatever the model raises."""
        if not self._expected:
            self._expected = [slow_log_likelihoods(self._model, item) for item in self._items]
        found = mode.score(self._items, max_tokens).token_log_likelihoods
        errors = [mean_error_nats(*pair) for pair in zip(found, self._expected, strict=True)]
        return max(errors, key=lambda error: math.inf if math.isnan(error) else error)

    @property
    def tolerance_nats(self) -> float:
        """Greatest error of a mode that is right: the dtype's noise."""
        return TOLERANCE_NATS[self._model.dtype]


def is_tree_model(config: PreTrainedConfig) -> bool:
    """Whether a model of this configuration is known to be right as a tree.

    Its attention must be plain, replaceable and causal, its positions those of the tokens' depths.
    """
    text = config.get_text_config()
    return (
        config.model_type in TREE_TYPES
        and rope_types(text) <= TREE_ROPE_TYPES
        and not getattr(text, "attn_logit_softcapping", None)
        and not getattr(text, "use_bidirectional_attention", None)
    )


def rope_types(config: PreTrainedConfig) -> set[str]:
    """Kinds of rotary positions that the layers have."""
    parameters = getattr(config, "rope_parameters", None) or {}
    per_layer_type = [each for each in parameters.values() if isinstance(each, dict)] or [parameters]
    return {str(each.get("rope_type", "default")) for each in per_layer_type}


def candidate_modes(model: PreTrainedModel) -> Iterator[Mode]:
    """Modes that may suit a model, the one that shares most first."""
    config = model.config.get_text_config()
    if is_tree_model(model.config):
        yield TreeMode(model)
    limit = longrope_limit(config)
    if limit is None:
        yield PrefixCacheMode(model)
    yield PaddedMode(model, limit)


def longrope_limit(config: PreTrainedConfig) -> int | None:
    """Length above which a longrope model turns to its other set of frequencies; None for all other models."""
    if "longrope" not in rope_types(config):
        return None
    return int(config.rope_parameters["original_max_position_embeddings"])


def choose_mode(model: PreTrainedModel, check: ModeCheck, max_tokens: int) -> Mode:
    """The mode that shares most among those whose scores are plain scoring's.

    Raises:
        EngineError: none is right.
    """
    reasons: list[str] = []
    for mode in candidate_modes(model):
        try:
            error = check.error_nats(mode, max_tokens)
        except Exception as failure:  # code of many authors: any class may come
            reasons.append(f"{mode.name}: {type(failure).__name__}: {failure}")
        else:
            if error <= check.tolerance_nats:
                logger.info("mode %s: %s", mode.name, "; ".join(reasons) or f"within {error:.2g} nats of plain scoring")
                return mode
            reasons.append(f"{mode.name}: {error:.3g} nats a token off")
        logger.warning("mode %s does not suit this model: %s", mode.name, reasons[-1])
    raise EngineError(
        f"engine torch_tree cannot run this model: its scores differ from plain scoring ({'; '.join(reasons)}); "
        "choose another model or engine"
    )
