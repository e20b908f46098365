"""The engine over the modes: the mode that suits the model, and batches that fit into the memory."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from pmpo.errors import ConfigurationError, EngineError
from services.scorer.engines.base import EngineIdentity, ScoredItems, TokenItem
from services.scorer.engines.torch_tree.memory import Footprint, is_out_of_memory, keep_freed_memory, peak_bytes
from services.scorer.engines.torch_tree.modes import Mode, ModeCheck, candidate_modes, choose_mode

logger = logging.getLogger(__name__)
MIN_BATCH_TOKENS = 64


class TorchTreeEngine:
    """Scores with a transformers model in this process. Not for several threads at once.

    Args:
        model: in evaluation mode, on its device.
        identity: of the model; its mode is replaced by the one that is chosen.
        max_batch_tokens: tokens of one forward pass, at most; on the CPU of a big model fewer are quicker.
        mode: tree, prefix_cache or padded; None takes the one that shares most among those that prove right.
        max_batch_bytes: memory of one forward pass beside the weights, by the sizes of the model: fewer tokens where
            more would not fit; None: no limit but ``max_batch_tokens``.

    Raises:
        ConfigurationError: the memory is too small for any batch.
        EngineError: no mode, or not the wanted one, gives the scores of plain scoring.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        identity: EngineIdentity,
        max_batch_tokens: int,
        mode: str | None = None,
        max_batch_bytes: int | None = None,
    ) -> None:
        self._model = model
        footprint = Footprint.of(model)
        if model.device.type == "cpu":
            keep_freed_memory()
            max_batch_tokens = min(max_batch_tokens, footprint.num_quick_tokens)
        self._max_batch_tokens = _within(footprint, max_batch_tokens, max_batch_bytes)
        self._check = ModeCheck(model, identity.context_length)
        self._mode = choose_mode(model, self._check, self._max_batch_tokens) if mode is None else _named(model, mode)
        self._identity = dataclasses.replace(identity, mode=self._mode.name)

    @property
    def identity(self) -> EngineIdentity:
        """The model, its revision, the engine and its limits."""
        return self._identity

    @property
    def max_batch_tokens(self) -> int:
        """Tokens of one forward pass: what was asked for, or fewer where memory was short."""
        return self._max_batch_tokens

    @property
    def peak_memory_bytes(self) -> int:
        """See ``base.Engine``: on a GPU what torch has taken there, else all that the process has held."""
        return peak_bytes(self._model.device)

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        """Log-likelihood of every target token of every item (nats), independent of the batch but for float noise.

        Where memory runs out, batches are made half as large from then on and the items are run again.

        Raises:
            EngineError: memory is too short for the smallest batches.
        """
        while items:
            try:
                return self._mode.score(items, self._max_batch_tokens)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error).strip().splitlines()[0]
            self._halve(reason)  # outside of the handler, where nothing of the failed pass is held any more
        return ScoredItems((), ())

    def self_check(self) -> None:
        """Score a few made-up sequences both ways.

        Raises:
            EngineError: the results differ by more than the dtype's noise.
        """
        error = self._check.error_nats(self._mode, self._max_batch_tokens)
        if not error <= self._check.tolerance_nats:
            raise EngineError(
                f"engine torch_tree cannot run {self._identity.model} in {self._mode.name} mode: its scores differ "
                f"from plain scoring by {error:.3g} nats a token (allowed {self._check.tolerance_nats:g}); choose "
                "another model or engine"
            )

    def _halve(self, reason: str) -> None:
        if self._max_batch_tokens <= MIN_BATCH_TOKENS:
            raise EngineError(
                f"memory is too short for batches of {self._max_batch_tokens} tokens ({reason}); free some, "
                "or choose a smaller model"
            )
        self._max_batch_tokens = max(MIN_BATCH_TOKENS, self._max_batch_tokens // 2)
        logger.warning("out of memory (%s): batches have %d tokens from now on", reason, self._max_batch_tokens)
        if self._model.device.type == "cuda":
            torch.cuda.empty_cache()


def _within(footprint: Footprint, max_batch_tokens: int, max_batch_bytes: int | None) -> int:
    """Tokens of one pass that the limits allow."""
    if max_batch_bytes is None:
        return max_batch_tokens
    fitting = footprint.num_tokens(max_batch_bytes)
    if fitting < MIN_BATCH_TOKENS:
        least = -(-footprint.num_bytes(MIN_BATCH_TOKENS) // 2**20)
        raise ConfigurationError(
            f"PMPO_SCORER_BATCH_MIB={max_batch_bytes // 2**20} is too small for this model: give at least {least}"
        )
    if fitting < max_batch_tokens:
        logger.info("batches of %d instead of %d tokens fit into PMPO_SCORER_BATCH_MIB", fitting, max_batch_tokens)
    return min(fitting, max_batch_tokens)


def _named(model: PreTrainedModel, name: str) -> Mode:
    for mode in candidate_modes(model):
        if mode.name == name:
            return mode
    raise EngineError(f"engine torch_tree has no mode '{name}' for models of type {model.config.model_type}")
