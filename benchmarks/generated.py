"""Rows of generated tasks, on inputs that nano's training never sees."""

from __future__ import annotations

import random
from collections.abc import Callable

from nano_training.example_rows import OptionRows, PairRows, Row, RowMaker, TargetRows, draw_rows
from nano_training.fillers import FILLERS, VAGUE
from nano_training.goals import Goal, goal_for
from nano_training.styles import is_held_out_combination


def composed_task(family: tuple[str, str], num_rules: int, num_rows: int) -> tuple[str, list[Row]]:
    """A vague seed prompt, and rows of ``input`` and ``target``; the same for the same arguments.

    A clear prompt states the task and at least ``num_rules`` rules of form.

    Raises:
        ValueError: the kind has fewer different held-out inputs than rows are wanted.
    """
    return _built(
        f"benchmark:{family}", num_rows, lambda rng: TargetRows(goal_for(rng, family, min_requirements=num_rules))
    )


def pair_task(family: tuple[str, str], num_rules: int, num_rows: int) -> tuple[str, list[Row]]:
    """The same with rows of ``input``, ``chosen`` and ``rejected``; the answers that are wanted are polite."""
    return _built(f"benchmark:pairs:{family}", num_rows, lambda rng: PairRows(_polite_goal(rng, family, num_rules)))


def option_task(kind: str, tasks: tuple[str, ...], right: str, num_rows: int) -> tuple[str, list[Row]]:
    """The same with rows of ``input``, ``options`` (plain answers to ``tasks``) and ``answer`` (that to ``right``)."""
    return _built(f"benchmark:options:{kind}:{right}", num_rows, lambda rng: OptionRows(kind, tasks, right))


def _built(seed: str, num_rows: int, maker_of: Callable[[random.Random], RowMaker]) -> tuple[str, list[Row]]:
    rng = random.Random(seed)
    maker = maker_of(rng)
    prompt = f"{rng.choice(VAGUE)} {rng.choice(FILLERS)}"
    return prompt, list(draw_rows(maker, f"{seed}:rows", num_rows))


def _polite_goal(rng: random.Random, family: tuple[str, str], num_rules: int) -> Goal:
    """A goal whose answers begin politely, in a style that training may have shown."""
    while True:
        goal = goal_for(rng, family, min_requirements=num_rules)
        style = goal.style.with_value("prefix", "polite")
        if not is_held_out_combination(style):
            return Goal(goal.kind, goal.task, style, goal.sample)
