"""Preference pairs: an answer as wanted, and one that is wrong, badly formed or impolite."""

from __future__ import annotations

import random
from dataclasses import dataclass

from nano_training.answers import Item
from nano_training.goals import Goal
from nano_training.kinds.all import draw_item
from nano_training.styles import DEFAULT, dimensions_of, values_of

MAX_TRIES = 100
FLAWS = ("wrong", "malformed", "impolite")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one input; ``flaw`` says what is the matter with the rejected one."""

    item: Item
    chosen: str
    rejected: str
    flaw: str


def draw_pair(rng: random.Random, goal: Goal, *, flaw: str, held_out: bool) -> Pair:
    """A pair whose sides differ. ``impolite`` needs a goal with a polite prefix or thanks at the end.

    Raises:
        ValueError: the goal has nothing polite that could be left out, or all inputs have the same answer.
    """
    for _ in range(MAX_TRIES):
        item = draw_item(rng, goal.kind, held_out=held_out)
        chosen, rejected = goal.target(item), _rejected(rng, goal, item, flaw)
        if chosen != rejected:
            return Pair(item, chosen, rejected, flaw)
    raise ValueError(f"{goal.kind}/{goal.task} in this style has no other answer")


def _rejected(rng: random.Random, goal: Goal, item: Item, flaw: str) -> str:
    if flaw == "wrong":
        return goal.target(draw_item(rng, goal.kind, held_out=True))
    if flaw == "malformed":
        names = [name for name in dimensions_of(goal.sample) if name != "steps"]
        name = rng.choice(names)
        values = [value for value in values_of(goal.sample, name) if value != getattr(goal.style, name)]
        return Goal(goal.kind, goal.task, goal.style.with_value(name, rng.choice(values)), goal.sample).target(item)
    polite = {"prefix": "polite", "suffix": "thanks"}
    names = [name for name, value in polite.items() if getattr(goal.style, name) == value]
    if not names:
        raise ValueError(f"nothing is polite in this style: {goal.style}")
    style = goal.style.with_value(names[0], DEFAULT)
    return Goal(goal.kind, goal.task, style, goal.sample).target(item)
