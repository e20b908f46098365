"""For the modes without a tree: distinct sequences, which items each serves, and where their values go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from services.scorer.engines.base import FloatArray, ScoredItems, TokenItem
from services.scorer.engines.torch_tree.head import OutputLayer

TokenIds = tuple[int, ...]


@dataclass(slots=True)
class Sequences:
    """Distinct sequences, and what is found for the items that are predicted from them.

    Attributes:
        items: to score.
        inputs: distinct sequences to run.
        items_of: for each input, the indices of the items that are predicted from it.
        found, computed: filled while running; computed tokens are counted at an input's first item.
    """

    items: Sequence[TokenItem]
    inputs: list[TokenIds]
    items_of: list[list[int]]
    found: list[FloatArray] = field(default_factory=list)
    computed: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, items: Sequence[TokenItem], input_of: Callable[[TokenItem], TokenIds]) -> Sequences:
        """The distinct inputs of the items, in the order in which they come."""
        place: dict[TokenIds, int] = {}
        items_of: list[list[int]] = []
        for index, item in enumerate(items):
            row = place.setdefault(input_of(item), len(place))
            if row == len(items_of):
                items_of.append([])
            items_of[row].append(index)
        return cls(items, list(place), items_of, [np.empty(0, np.float32)] * len(items), [0] * len(items))

    def count(self, sequence: int, num_tokens: int) -> None:
        """Note tokens that were run for an input."""
        self.computed[self.items_of[sequence][0]] += num_tokens

    def take(
        self, members: Sequence[int], rows_of: Callable[[int], np.ndarray], hidden: torch.Tensor, output: OutputLayer
    ) -> None:
        """Find the values of all items of some inputs.

        Args:
            members: the inputs.
            rows_of: for the place of one among them, the rows of ``hidden`` that its tokens gave, first token first.
            hidden: (rows, width).
            output: turns them into log-probabilities.
        """
        owners = [owner for member in members for owner in self.items_of[member]]
        wanted = np.concatenate(
            [
                rows_of(place)[len(self.items[owner].context) - 1 :][: len(self.items[owner].target)]
                for place, member in enumerate(members)
                for owner in self.items_of[member]
            ]
        )
        tokens = [token for owner in owners for token in self.items[owner].target]
        distinct, rows = np.unique(wanted, return_inverse=True)
        device = hidden.device
        values = output.log_probabilities(
            hidden[torch.from_numpy(distinct).to(device)],
            torch.from_numpy(rows).to(device),
            torch.tensor(tokens, device=device),
        )
        ends = np.cumsum([len(self.items[owner].target) for owner in owners])
        for owner, part in zip(owners, np.split(values.cpu().numpy(), ends[:-1]), strict=True):
            self.found[owner] = part

    def scored(self) -> ScoredItems:
        """What was found."""
        return ScoredItems(tuple(self.found), tuple(self.computed))
