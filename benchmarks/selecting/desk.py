"""The desk that a policy asks: it hands out known cells, charges what a live call would cost, and keeps the trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.selecting.known import Floats, Known, block
from benchmarks.selecting.prices import Prices, answering_quantities, scoring_quantities

Measure = Literal["loss", "error"]


@dataclass(frozen=True, slots=True)
class Step:
    """The candidate that a policy would pick at this point, and what it has spent until then."""

    pick: int
    seconds: float
    scored_tokens: int
    generated_tokens: int
    cells: int


@dataclass(slots=True)
class Desk:
    """One replay. Lower is better in both measures; a cell is charged once.

    Attributes:
        candidates: in the order in which they are considered, which decides ties. The seed prompt is number 0.
        examples: the shuffled training examples.
        steps: what the policy said it would pick, in order; before it said anything it picks the seed prompt.
    """

    known: Known
    prices: Prices
    candidates: Sequence[int]
    examples: Sequence[int]
    steps: list[Step] = field(default_factory=lambda: [Step(0, 0.0, 0, 0, 0)])
    seconds: float = 0.0
    scored_tokens: int = 0
    generated_tokens: int = 0
    cells: int = 0
    _seen: dict[Measure, set[tuple[int, int]]] = field(default_factory=lambda: {"loss": set(), "error": set()})

    def ask(self, measure: Measure, candidates: Sequence[int], examples: Sequence[int]) -> Floats:
        """(candidates, examples) cells. Asked as the product asks: losses in one call, answers in one a candidate."""
        seen = self._seen[measure]
        wanted = [place for place in candidates if any((place, example) not in seen for example in examples)]
        fresh = [example for example in examples if any((place, example) not in seen for place in wanted)]
        if wanted:
            if measure == "loss":
                self._charge_scoring(wanted, fresh)
            else:
                for place in wanted:
                    self._charge_answers(place, [example for example in fresh if (place, example) not in seen])
            seen.update((place, example) for place in wanted for example in fresh)
        table = self.known.losses if measure == "loss" else self.known.errors
        return block(table, candidates, examples)

    def lead(self, candidate: int) -> None:
        """Say which candidate would be picked now."""
        self.steps.append(Step(candidate, self.seconds, self.scored_tokens, self.generated_tokens, self.cells))

    def _charge_scoring(self, candidates: Sequence[int], examples: Sequence[int]) -> None:
        self.seconds += float(self.prices.scoring @ scoring_quantities(self.known, candidates, examples))
        self.scored_tokens += int(block(self.known.item_tokens, candidates, examples).sum())
        self.cells += len(candidates) * len(examples)

    def _charge_answers(self, candidate: int, examples: Sequence[int]) -> None:
        self.seconds += float(self.prices.answering @ answering_quantities(self.known, candidate, examples))
        self.generated_tokens += int(block(self.known.answer_tokens, [candidate], examples).sum())
        self.cells += len(examples)
