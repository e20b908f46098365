"""The engine over the modes: the mode that suits the model, and what it says about itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from transformers import PreTrainedModel

from pmpo.errors import EngineError
from services.scorer.engines.base import EngineIdentity, ScoredItems, TokenItem
from services.scorer.engines.torch_tree.modes import Mode, ModeCheck, candidate_modes, choose_mode


class TorchTreeEngine:
    """Scores with a transformers model in this process. Not for several threads at once.

    Args:
        model: in evaluation mode, on its device.
        identity: of the model; its mode is replaced by the one that is chosen.
        max_batch_tokens: tokens of one forward pass.
        mode: tree, prefix_cache or padded; None takes the one that shares most among those that prove right.

    Raises:
        EngineError: no mode, or not the wanted one, gives the scores of plain scoring.
    """

    def __init__(
        self, model: PreTrainedModel, identity: EngineIdentity, max_batch_tokens: int, mode: str | None = None
    ) -> None:
        self._model = model
        self._max_batch_tokens = max_batch_tokens
        self._check = ModeCheck(model, identity.context_length)
        self._mode = choose_mode(model, self._check, max_batch_tokens) if mode is None else _named(model, mode)
        self._identity = dataclasses.replace(identity, mode=self._mode.name)

    @property
    def identity(self) -> EngineIdentity:
        """The model, its revision, the engine and its limits."""
        return self._identity

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        """Log-likelihood of every target token of every item (nats), independent of the batch but for float noise."""
        if not items:
            return ScoredItems((), ())
        return self._mode.score(items, self._max_batch_tokens)

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


def _named(model: PreTrainedModel, name: str) -> Mode:
    for mode in candidate_modes(model):
        if mode.name == name:
            return mode
    raise EngineError(f"engine torch_tree has no mode '{name}' for models of type {model.config.model_type}")
