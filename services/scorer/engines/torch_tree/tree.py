"""Tree mode: a batch is one forward pass over distinct tokens, packed; see ``planner.batches``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from services.scorer.engines.base import ScoredItems, TokenItem
from services.scorer.engines.torch_tree.attending import choose_attend
from services.scorer.engines.torch_tree.head import OutputLayer
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
        found = np.empty(ends[-1], np.float32)
        kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        with torch.inference_mode(), attending_to_trees(self._model):
            for batch in plan.batches:
                tree_pass = self._pass_over(batch, kept)
                found[batch.value_slots] = self._run(batch, tree_pass)
                kept = tree_pass.handed_on
        return ScoredItems(tuple(np.split(found, ends[:-1])), tuple(plan.computed_tokens.tolist()))

    def _pass_over(self, batch: Batch, kept: dict[int, tuple[torch.Tensor, torch.Tensor]]) -> TreePass:
        layout = TreeLayout.of(batch, self._model.device)
        return TreePass(layout, self._attend, kept, self._tensor(batch.kept_next))

    def _run(self, batch: Batch, tree_pass: TreePass) -> np.ndarray:
        """(values,) log-likelihoods of what the batch predicts."""
        hidden = self._model.base_model(
            input_ids=self._tensor(batch.tokens)[None],
            position_ids=self._tensor(batch.positions)[None],
            use_cache=False,  # with a cache, or with a mask, the packed sequences are not kept apart
            tree_pass=tree_pass,
        ).last_hidden_state[0]  # (tokens, width)
        if not len(batch.value_rows):
            return np.empty(0, np.float32)
        rows = hidden[self._tensor(batch.head_rows)]
        values = self._output_layer.log_probabilities(
            rows, self._tensor(batch.value_rows), self._tensor(batch.value_tokens)
        )
        return values.cpu().numpy()

    def _tensor(self, numbers: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(numbers)).to(self._model.device)
