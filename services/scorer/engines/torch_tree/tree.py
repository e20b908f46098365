"""Tree mode: a batch is one forward pass over distinct tokens, packed; see ``planner.batches``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from services.scorer.engines.base import FloatArray, ScoredItems, TokenItem
from services.scorer.engines.torch_tree.attending import choose_attend
from services.scorer.engines.torch_tree.head import BLOCK_ROWS, OutputLayer
from services.scorer.engines.torch_tree.last_layer import feeding_forward_at
from services.scorer.engines.torch_tree.layout import TreeLayout
from services.scorer.engines.torch_tree.tree_attention import TreePass, attending_to_trees
from services.scorer.planner.batches import Batch, plan_batches


class TreeMode:
    """Scores with models whose attention can be replaced and whose positions do not depend on what else is run."""

    name = "tree"

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._output_layer = OutputLayer.of(model)
        self._attend = choose_attend(model.device, model.dtype)

    def score(self, items: Sequence[TokenItem], max_tokens: int) -> ScoredItems:
        """See ``modes.Mode``."""
        plan = plan_batches(items, max_tokens)
        ends = np.cumsum([len(item.target) for item in items])
        predictions = _Predictions(self._output_layer, np.empty(ends[-1], np.float32))
        kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        with torch.inference_mode(), attending_to_trees(self._model):
            for batch in plan.batches:
                tree_pass = self._pass_over(batch, kept)
                predictions.add(batch, self._run(batch, tree_pass))
                kept = tree_pass.handed_on
            predictions.finish()
        return ScoredItems(tuple(np.split(predictions.found, ends[:-1])), tuple(plan.computed_tokens.tolist()))

    def _pass_over(self, batch: Batch, kept: dict[int, tuple[torch.Tensor, torch.Tensor]]) -> TreePass:
        layout = TreeLayout.of(batch, self._model.device)
        return TreePass(layout, self._attend, kept, self._tensor(batch.kept_next))

    def _run(self, batch: Batch, tree_pass: TreePass) -> torch.Tensor:
        """(head rows, width) hidden states from which the batch predicts something."""
        rows = self._tensor(batch.head_rows)
        with feeding_forward_at(rows, self._model):
            hidden: torch.Tensor = self._model.base_model(
                input_ids=self._tensor(batch.tokens)[None],
                position_ids=self._tensor(batch.positions)[None],
                use_cache=False,  # with a cache, or with a mask, the packed sequences are not kept apart
                tree_pass=tree_pass,
            ).last_hidden_state[0]  # (tokens, width)
        return hidden[rows]

    def _tensor(self, numbers: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(numbers)).to(self._model.device)


class _Predictions:
    """Takes hidden states batch by batch; runs the output layer when there are rows enough to pay for its weights.

    Attributes:
        found: (values,) log-likelihoods at their slots; complete after ``finish``.
    """

    def __init__(self, output_layer: OutputLayer, found: FloatArray) -> None:
        self.found = found
        self._output_layer = output_layer
        self._hidden: list[torch.Tensor] = []
        self._batches: list[Batch] = []

    def add(self, batch: Batch, hidden: torch.Tensor) -> None:
        """Take a batch's rows."""
        self._batches.append(batch)
        self._hidden.append(hidden)
        if sum(map(len, self._hidden)) >= BLOCK_ROWS:
            self.finish()

    def finish(self) -> None:
        """Run the output layer on what was taken since it was run before."""
        if not self._batches:
            return
        firsts = np.cumsum([0, *(len(each) for each in self._hidden)])
        rows = np.concatenate([batch.value_rows + first for batch, first in zip(self._batches, firsts, strict=False)])
        tokens = np.concatenate([batch.value_tokens for batch in self._batches])
        slots = np.concatenate([batch.value_slots for batch in self._batches])
        if len(slots):
            hidden = torch.cat(self._hidden)
            places = (torch.from_numpy(each).to(hidden.device) for each in (rows, tokens))
            self.found[slots] = self._output_layer.log_probabilities(hidden, *places).cpu().numpy()
        self._hidden, self._batches = [], []
