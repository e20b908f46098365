"""How demonstrations help: earlier turns under the same system prompt."""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import fmean

from nano_training.goals import goal_for
from nano_training.kinds.all import TRAINED_FAMILIES
from nano_training.phrasings import split_phrasings
from nano_training.report.families import PROMPTS, fresh_items
from nano_training.scoring import Scorer

NUM_DEMONSTRATIONS = (0, 1, 2, 3, 5)


@dataclass(frozen=True, slots=True)
class FewShotPoint:
    """Mean loss (nats per target token) and exact match after some demonstrations."""

    prompt_kind: str
    num_demonstrations: int
    nats: float
    exact: float


def measure_few_shot(scorer: Scorer, num_goals: int, seed: int) -> list[FewShotPoint]:
    """One vague and one clear prompt for each goal, each after 0 to 5 solved inputs of the same goal."""
    points = []
    for kind in ("vague", "clear"):
        rng, phrasings = random.Random(f"{seed}:few-shot"), split_phrasings()[1]
        cases = []
        for _ in range(num_goals):
            goal = goal_for(rng, rng.choice(TRAINED_FAMILIES), min_requirements=1)
            prompt = PROMPTS[kind](rng, phrasings, goal)
            *shown, last = fresh_items(rng, goal.kind, max(NUM_DEMONSTRATIONS) + 1)
            turns = [turn for item in shown for turn in (("user", item.text), ("assistant", goal.target(item)))]
            for count in NUM_DEMONSTRATIONS:
                cases.append(([("system", prompt.text), *turns[: 2 * count], ("user", last.text)], goal.target(last)))
        scores = scorer.score(cases)
        for place, count in enumerate(NUM_DEMONSTRATIONS):
            rows = scores[place :: len(NUM_DEMONSTRATIONS)]
            points.append(FewShotPoint(kind, count, fmean(s.nats for s in rows), fmean(s.is_exact for s in rows)))
    return points
