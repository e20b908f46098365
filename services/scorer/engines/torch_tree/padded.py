"""Padded mode: sequences of about one length side by side, nothing shared. What every causal model can do.

Sequences are padded on the right, where causal models never look; whole sequences are read, the last token too, because
there are models whose positions depend on the length (longrope): such sequences are run among their like.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from services.scorer.engines.base import ScoredItems, TokenItem
from services.scorer.engines.torch_tree.head import OutputLayer
from services.scorer.engines.torch_tree.sequences import Sequences, TokenIds


class PaddedMode:
    """Scores with any causal model.

    Args:
        model: to run.
        length_limit: sequences longer than this, and those that are not, never share a batch; None: they may.
    """

    name = "padded"

    def __init__(self, model: PreTrainedModel, length_limit: int | None = None) -> None:
        self._model = model
        self._length_limit = length_limit
        self._output_layer = OutputLayer.of(model)

    def score(self, items: Sequence[TokenItem], max_tokens: int) -> ScoredItems:
        """See ``modes.Mode``."""
        sequences = Sequences.of(items, lambda item: item.context + item.target)
        with torch.inference_mode():
            for members in self._batches(sequences.inputs, max_tokens):
                self._score_batch(sequences, members)
        return sequences.scored()

    def _batches(self, inputs: Sequence[TokenIds], max_tokens: int) -> Iterator[list[int]]:
        """All inputs, longest first, as many at a time as the limit allows (at least one)."""
        batch: list[int] = []
        for index in sorted(range(len(inputs)), key=lambda each: -len(inputs[each])):
            longest = len(inputs[batch[0]]) if batch else 0
            is_full = (len(batch) + 1) * longest > max_tokens
            if batch and (is_full or self._is_long(longest) != self._is_long(len(inputs[index]))):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _is_long(self, length: int) -> bool:
        return self._length_limit is not None and length > self._length_limit

    def _score_batch(self, sequences: Sequences, members: Sequence[int]) -> None:
        inputs = [sequences.inputs[member] for member in members]
        longest = len(inputs[0])
        for member, tokens in zip(members, inputs, strict=True):
            sequences.count(member, len(tokens))
        ids = torch.tensor([tokens + tokens[-1:] * (longest - len(tokens)) for tokens in inputs])
        hidden = self._model.base_model(input_ids=ids.to(self._model.device), use_cache=False).last_hidden_state
        sequences.take(
            members,
            lambda place: np.arange(place * longest, place * longest + len(inputs[place])),
            hidden.flatten(0, 1),
            self._output_layer,
        )
