"""Calibration: how often the model's favourite token is right, against the probability that it gives it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from nano_training.goals import goal_for
from nano_training.kinds.all import TRAINED_FAMILIES
from nano_training.phrasings import split_phrasings
from nano_training.report.families import PROMPTS, fresh_items
from nano_training.scoring import Scorer

NUM_BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """Target tokens in bins of the favourite's probability; the error is the usual expected calibration error."""

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    num_tokens: tuple[int, ...]

    @property
    def expected_error(self) -> float:
        """Mean over tokens of the gap between a bin's confidence and its accuracy."""
        gaps = [
            abs(confidence - accuracy) * count
            for confidence, accuracy, count in zip(self.confidence, self.accuracy, self.num_tokens, strict=True)
        ]
        return sum(gaps) / sum(self.num_tokens)


def measure_calibration(scorer: Scorer, num_goals: int, seed: int) -> Calibration:
    """Over all kinds of prompts alike, held-out sentences and inputs."""
    rng, phrasings = random.Random(f"{seed}:calibration"), split_phrasings()[1]
    tokens: list[tuple[float, bool]] = []
    for index in range(num_goals):
        goal = goal_for(rng, rng.choice(TRAINED_FAMILIES), min_requirements=1)
        kind = tuple(PROMPTS)[index % len(PROMPTS)]
        prompt = PROMPTS[kind](rng, phrasings, goal)
        items = fresh_items(rng, goal.kind, 2)
        tokens += scorer.favourites([(prompt.messages(item), goal.target(item)) for item in items])
    return _binned(tokens)


def _binned(tokens: Sequence[tuple[float, bool]]) -> Calibration:
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(NUM_BINS)]
    for probability, is_right in tokens:
        bins[min(int(probability * NUM_BINS), NUM_BINS - 1)].append((probability, is_right))
    filled = [rows for rows in bins if rows]
    return Calibration(
        tuple(sum(p for p, _ in rows) / len(rows) for rows in filled),
        tuple(sum(right for _, right in rows) / len(rows) for rows in filled),
        tuple(len(rows) for rows in filled),
    )
