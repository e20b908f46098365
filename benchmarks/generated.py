"""Rows of generated tasks, on inputs that nano's training never sees."""

from __future__ import annotations

import random

from nano_training.fillers import FILLERS, VAGUE
from nano_training.goals import Goal, goal_for
from nano_training.kinds.all import draw_item

MAX_DRAWS_PER_ROW = 200

Row = tuple[str, str]


def composed_task(family: tuple[str, str], num_rules: int, num_rows: int) -> tuple[str, list[Row]]:
    """A vague seed prompt, and (input, target) rows with different inputs; the same for the same arguments.

    A clear prompt states the task and at least ``num_rules`` rules of form.

    Raises:
        ValueError: the kind has fewer different held-out inputs than rows are wanted.
    """
    rng = random.Random(f"benchmark:{family}")
    goal = goal_for(rng, family, min_requirements=num_rules)
    prompt = f"{rng.choice(VAGUE)} {rng.choice(FILLERS)}"
    return prompt, _rows(rng, goal, num_rows)


def _rows(rng: random.Random, goal: Goal, num_rows: int) -> list[Row]:
    rows: dict[str, str] = {}
    for _ in range(MAX_DRAWS_PER_ROW * num_rows):
        if len(rows) == num_rows:
            return list(rows.items())
        item = draw_item(rng, goal.kind, held_out=True)
        rows.setdefault(item.text, goal.target(item))
    raise ValueError(f"the kind {goal.kind!r} has fewer than {num_rows} different held-out inputs; ask for fewer rows")
