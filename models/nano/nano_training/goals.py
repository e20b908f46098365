"""Goals: what the answers of a conversation are, and the sentences that ask for it or for something else."""

from __future__ import annotations

import random
from dataclasses import dataclass

from nano_training.answers import Answer, Item
from nano_training.fillers import VAGUE
from nano_training.kinds.all import EVERYDAY_KINDS, KINDS, PUBLIC_KINDS, REPEAT, TRAINED_FAMILIES, draw_item
from nano_training.phrasings import Phrasings
from nano_training.prompts import Piece
from nano_training.styles import Style, dimensions_of, draw_style, values_of, write

TASK = "task"
PUBLIC_SHARE = 0.4
REPEAT_SHARE = 0.05
_HARD = {
    ("walk", "return"): 6,
    ("boolean", "value"): 5,
    ("counting", "total"): 6,
    ("counting", "kinds"): 3,
    ("sorting", "sorted"): 6,
    ("sorting", "count"): 3,
    ("lies", "truth"): 4,
    ("lies", "speakers"): 4,
    ("shuffle", "final"): 4,
    ("choice", "right"): 6,
    ("message", "urgency"): 4,
    ("numbers", "max"): 3,
    ("numbers", "all"): 2,
    ("words", "all"): 3,
    ("words", "without_first"): 3,
    ("table", "top"): 3,
    ("review", "product"): 2,
    ("record", "city"): 2,
    ("word", "category"): 2,
    ("word", "spelled"): 2,
    ("word", "first_letter"): 2,
}


@dataclass(frozen=True, slots=True)
class Goal:
    """A task on a kind of input, in a style; ``sample`` is an answer of the kind that the task gives."""

    kind: str
    task: str
    style: Style
    sample: Answer

    def target(self, item: Item) -> str:
        """The expected answer to an input."""
        return write(self.answer(item), self.style)

    def answer(self, item: Item) -> Answer:
        """The bare answer to an input."""
        return Answer("text", (item.text,)) if self.task == REPEAT else item.answers[self.task]

    def requirements(self) -> tuple[tuple[str, str], ...]:
        """What a clear prompt must state: the task and all of the style that is not the default."""
        return ((TASK, self.task), *self.style.requirements())


def draw_family(rng: random.Random) -> tuple[str, str]:
    """A trained family: everyday kinds and public forms in fixed shares, hard tasks more often."""
    kinds = PUBLIC_KINDS if rng.random() < PUBLIC_SHARE else EVERYDAY_KINDS
    families = [family for family in TRAINED_FAMILIES if family[0] in kinds]
    return rng.choices(families, [_HARD.get(family, 1) for family in families])[0]


def draw_goal(rng: random.Random, *, repeat_share: float = REPEAT_SHARE, min_requirements: int = 0) -> Goal:
    """A trained family and a style that training may show."""
    if rng.random() < repeat_share:
        return repeat_goal(rng, rng.choice(tuple(KINDS)))
    return goal_for(rng, draw_family(rng), min_requirements=min_requirements)


def goal_for(
    rng: random.Random, family: tuple[str, str], *, min_requirements: int = 0, held_out: bool | None = False
) -> Goal:
    """A goal of a given family with at least so many requirements beside the task."""
    kind, task = family
    sample = draw_item(rng, kind, held_out=False).answers[task]
    style = draw_style(rng, sample, min_requirements=min_requirements, held_out=held_out)
    return Goal(kind, task, style, sample)


def repeat_goal(rng: random.Random, kind: str) -> Goal:
    """Copying inputs of a kind as they are."""
    sample = Answer("text", (draw_item(rng, kind, held_out=False).text,))
    return Goal(kind, REPEAT, Style(), sample)


def piece_for(rng: random.Random, phrasings: Phrasings, goal: Goal, requirement: tuple[str, str]) -> Piece:
    """A sentence that states a requirement of the goal."""
    name, value = requirement
    texts = phrasings.tasks[goal.kind, value] if name == TASK else phrasings.styles[name, value]
    return Piece(name, rng.choice(texts))


def wrong_piece(rng: random.Random, phrasings: Phrasings, goal: Goal, name: str) -> Piece:
    """A sentence that asks for another value than the goal's in one dimension (or for another task)."""
    if name == TASK:
        tasks = [task for task in KINDS[goal.kind].tasks if task != goal.task and (goal.kind, task) in TRAINED_FAMILIES]
        text = rng.choice(phrasings.tasks[goal.kind, rng.choice(tasks)])
    else:
        values = [value for value in values_of(goal.sample, name)[1:] if value != getattr(goal.style, name)]
        text = rng.choice(phrasings.styles[name, rng.choice(values)])
    return Piece(f"wrong:{name}", text)


def draw_wrong_name(rng: random.Random, goal: Goal) -> str:
    """What a misleading sentence is about: the task as often as the style."""
    names = [name for name in dimensions_of(goal.sample) if name != "steps"] if goal.task != REPEAT else []
    return TASK if rng.random() < 0.4 or not names else rng.choice(names)


def clear_core(rng: random.Random, phrasings: Phrasings, goal: Goal) -> list[Piece]:
    """Every requirement: the task first in most prompts, the rest in any order."""
    pieces = [piece_for(rng, phrasings, goal, requirement) for requirement in goal.requirements()]
    rest = pieces[1:]
    rng.shuffle(rest)
    ordered = [pieces[0], *rest]
    if rng.random() < 0.15:
        rng.shuffle(ordered)
    if goal.style == Style() and rng.random() < 0.3:
        ordered.append(Piece("plain", rng.choice(phrasings.plain)))
    return ordered


def vague_core(rng: random.Random) -> list[Piece]:
    """One vague request, or nothing at all."""
    return [Piece("vague", rng.choice(VAGUE))] if rng.random() < 0.75 else []
