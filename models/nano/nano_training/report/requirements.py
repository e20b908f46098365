"""What single sentences of a prompt are worth: missing requirements, filler, misleading sentences."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

from nano_training.fillers import FILLERS
from nano_training.goals import clear_core, draw_wrong_name, goal_for, piece_for, wrong_piece
from nano_training.kinds.all import TRAINED_FAMILIES
from nano_training.phrasings import split_phrasings
from nano_training.prompts import Piece, Prompt
from nano_training.report.families import fresh_items, score_prompts
from nano_training.scoring import Scorer


@dataclass(frozen=True, slots=True)
class RequirementCosts:
    """Rises of the mean loss in nats per target token.

    Attributes:
        by_dimension: when the sentence about this dimension is missing from a clear prompt.
        num_by_dimension: prompts measured for each.
        filler: when two filler sentences are added to a clear prompt (mean of absolute changes over the prompts), and
            the plain mean.
        num_prompts: prompts measured for filler.
    """

    by_dimension: dict[str, float]
    num_by_dimension: dict[str, int]
    filler_absolute: float
    filler_mean: float
    num_prompts: int

    @property
    def mean(self) -> float:
        """Mean over all missing requirements, each prompt counted once."""
        total = sum(self.num_by_dimension.values())
        return sum(self.by_dimension[name] * count for name, count in self.num_by_dimension.items()) / total


def measure_requirements(scorer: Scorer, num_goals: int, num_inputs: int, seed: int) -> RequirementCosts:
    """Take each sentence out of clear prompts in turn, and put filler in."""
    rng, phrasings = random.Random(f"{seed}:requirements"), split_phrasings()[1]
    rises: dict[str, list[float]] = defaultdict(list)
    filler: list[float] = []
    for _ in range(num_goals):
        goal = goal_for(rng, rng.choice(TRAINED_FAMILIES), min_requirements=2)
        pieces = clear_core(rng, phrasings, goal)
        without = [Prompt(tuple(p for p in pieces if p is not piece)) for piece in pieces]
        first, second = (Piece("filler", text) for text in rng.sample(FILLERS, 2))
        at = rng.randint(0, len(pieces))
        padded = Prompt((first, *pieces[:at], second, *pieces[at:]))
        items = fresh_items(rng, goal.kind, num_inputs)
        rows = score_prompts(scorer, [Prompt(tuple(pieces)), padded, *without], goal, items)
        clear, with_filler, *missing = (fmean(score.nats for score in row) for row in rows)
        filler.append(with_filler - clear)
        for piece, nats in zip(pieces, missing, strict=True):
            rises[piece.purpose].append(nats - clear)
    return RequirementCosts(
        {name: fmean(values) for name, values in sorted(rises.items())},
        {name: len(values) for name, values in sorted(rises.items())},
        fmean(map(abs, filler)),
        fmean(filler),
        num_goals,
    )


@dataclass(frozen=True, slots=True)
class Misleading:
    """Share of two-sentence prompts in which deleting the misleading sentence lowers the loss (negative importance)."""

    found: float
    num_prompts: int


def measure_misleading(scorer: Scorer, num_prompts: int, num_inputs: int, seed: int) -> Misleading:
    """Prompts of one right and one misleading sentence, in either order, masked as the optimizer does."""
    rng, phrasings = random.Random(f"{seed}:misleading"), split_phrasings()[1]
    found = 0
    for _ in range(num_prompts):
        goal = goal_for(rng, rng.choice(TRAINED_FAMILIES))
        right = piece_for(rng, phrasings, goal, goal.requirements()[0])
        pieces = [right, wrong_piece(rng, phrasings, goal, draw_wrong_name(rng, goal))]
        rng.shuffle(pieces)
        items = fresh_items(rng, goal.kind, num_inputs)
        rows = score_prompts(scorer, [Prompt(tuple(pieces)), Prompt((right,))], goal, items)
        both, alone = (fmean(score.nats for score in row) for row in rows)
        found += alone < both
    return Misleading(found / num_prompts, num_prompts)
