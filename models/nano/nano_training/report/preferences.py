"""Preference pairs: how often the wanted answer is the likelier one, and what the prompt does to that."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean

from nano_training.goals import Goal, goal_for
from nano_training.kinds.all import TRAINED_FAMILIES
from nano_training.pairs import FLAWS, Pair, draw_pair
from nano_training.phrasings import split_phrasings
from nano_training.report.families import PROMPTS
from nano_training.scoring import Scorer


@dataclass(frozen=True, slots=True)
class PairResult:
    """``right``: share of pairs whose chosen side has the higher mean log-likelihood a token.

    ``margin_nats``: mean difference of those mean log-likelihoods.
    """

    flaw: str
    prompt_kind: str
    right: float
    margin_nats: float
    num_pairs: int


def measure_pairs(scorer: Scorer, num_pairs: int, seed: int) -> list[PairResult]:
    """For each flaw, the same pairs under a clear and under a vague prompt."""
    results = []
    for flaw in FLAWS:
        rng, phrasings = random.Random(f"{seed}:pairs:{flaw}"), split_phrasings()[1]
        goals, pairs = zip(*(_pair(rng, flaw) for _ in range(num_pairs)), strict=True)
        for kind in ("clear", "vague"):
            prompts = [PROMPTS[kind](rng, phrasings, goal) for goal in goals]
            cases = [
                (prompt.messages(pair.item), side)
                for prompt, pair in zip(prompts, pairs, strict=True)
                for side in (pair.chosen, pair.rejected)
            ]
            results.append(_result(flaw, kind, [score.nats for score in scorer.score(cases)]))
    return results


def _pair(rng: random.Random, flaw: str) -> tuple[Goal, Pair]:
    """A random goal that has such a pair, without worked-out steps."""
    while True:
        goal = goal_for(rng, rng.choice(TRAINED_FAMILIES), min_requirements=1)
        if goal.style.steps == "steps":
            continue
        with suppress(ValueError):
            return goal, draw_pair(rng, goal, flaw=flaw, held_out=True)


def _result(flaw: str, kind: str, nats: Sequence[float]) -> PairResult:
    margins = [rejected - chosen for chosen, rejected in zip(nats[::2], nats[1::2], strict=True)]
    return PairResult(flaw, kind, fmean(margin > 0 for margin in margins), fmean(margins), len(margins))
