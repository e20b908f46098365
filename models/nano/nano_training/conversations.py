"""Training conversations: one prompt, one to six inputs, the answers that the prompt asks for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from nano_training.entities import BLAME, CITIES, NAMES, PRAISE, PRODUCTS, WORDS
from nano_training.formats import FORMAT_NAMES, apply_format
from nano_training.inputs import KINDS, REPEAT, draw_item, is_held_out, is_list_input
from nano_training.phrasings import VAGUE, Phrasings
from nano_training.prompts import Piece, Prompt, build_prompt, draw_num_fillers
from nano_training.task_phrasings import REPEAT_PHRASINGS, TASK_PHRASINGS

FAMILIES: tuple[tuple[str, str], ...] = tuple(TASK_PHRASINGS)
REPEAT_SHARE = 0.2
LAST_WINS_SHARE = 0.7
PLAIN_WHEN_UNSAID = 0.5
_PROMPT_KINDS = ("clear", "two_tasks", "two_formats", "format_missing", "task_missing", "vague")
_PROMPT_SHARES = (52, 8, 3, 13, 12, 12)

_ECHOED = (WORDS, WORDS, NAMES, CITIES, PRODUCTS, PRAISE + BLAME, tuple(map(str, range(100))))

Turns = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a conversation's answers are: a task on a kind of input, in an output format."""

    kind: str
    task: str
    output: str


def draw_goal(rng: random.Random, *, repeat_share: float = REPEAT_SHARE) -> Goal:
    """A family and a format; ``repeat`` in ``repeat_share`` of the draws."""
    kind, task = rng.choice(FAMILIES)
    if rng.random() < repeat_share:
        kind, task = rng.choice(tuple(KINDS)), REPEAT
    return Goal(kind, task, rng.choice(FORMAT_NAMES))


def draw_other_task(rng: random.Random, goal: Goal) -> str:
    """Another task on the same kind of input."""
    return rng.choice([task for kind, task in FAMILIES if kind == goal.kind and task != goal.task])


def draw_conversation(rng: random.Random, phrasings: Phrasings) -> Turns:
    """One training conversation: roles and texts, ready to be encoded."""
    goal = draw_goal(rng)
    kind_of_prompt = rng.choices(_PROMPT_KINDS, _PROMPT_SHARES)[0]
    core = _core(rng, phrasings, goal, kind_of_prompt)
    if kind_of_prompt in ("format_missing", "vague") and rng.random() < PLAIN_WHEN_UNSAID:
        goal = Goal(goal.kind, goal.task, "plain")
    prompt = build_prompt(rng, core, kind=goal.kind, num_fillers=draw_num_fillers(rng))
    return _turns(rng, prompt, goal, rng.choice((1, 1, 2, 4, 6)))


def draw_echo(rng: random.Random) -> Turns:
    """A conversation that only repeats random words and numbers: how copying is learned first."""
    turns: Turns = [("system", rng.choice(REPEAT_PHRASINGS))]
    separator = rng.choice((" ", " ", ", "))
    for _ in range(rng.choice((1, 2, 3))):
        text = _echoed_text(rng, separator)
        while is_list_input(text) and is_held_out(text):
            text = _echoed_text(rng, separator)
        turns += [("user", text), ("assistant", text)]
    return turns


def task_piece(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Piece:
    """A sentence that names the goal's task."""
    return Piece("task", rng.choice(phrasings.tasks[goal.kind, goal.task]))


def format_piece(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Piece:
    """A sentence that names the goal's format."""
    return Piece("format", rng.choice(phrasings.formats[goal.output]))


def wrong_piece(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Piece:
    """A sentence that names another task on the same kind of input."""
    return Piece("wrong", rng.choice(phrasings.tasks[goal.kind, draw_other_task(rng, goal)]))


def other_format_piece(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Piece:
    """A sentence that names another format."""
    other = rng.choice([name for name in FORMAT_NAMES if name != goal.output])
    return Piece("other_format", rng.choice(phrasings.formats[other]))


def clear_core(rng: random.Random, phrasings: Phrasings, goal: Goal) -> list[Piece]:
    """Task and format, seldom in the other order."""
    pieces = [task_piece(rng, phrasings, goal), format_piece(rng, phrasings, goal)]
    return pieces[::-1] if rng.random() < 0.15 else pieces


def vague_core(rng: random.Random) -> list[Piece]:
    """One vague request, or nothing at all."""
    return [Piece("vague", rng.choice(VAGUE))] if rng.random() < 0.75 else []


def _echoed_text(rng: random.Random, separator: str) -> str:
    return separator.join(rng.choice(rng.choice(_ECHOED)) for _ in range(rng.randint(1, 10)))


def _core(rng: random.Random, phrasings: Phrasings, goal: Goal, kind_of_prompt: str) -> list[Piece]:
    if kind_of_prompt == "vague":
        return vague_core(rng)
    task, output = task_piece(rng, phrasings, goal), format_piece(rng, phrasings, goal)
    if kind_of_prompt == "format_missing":
        return [task]
    if kind_of_prompt == "task_missing":
        return [*vague_core(rng), output]
    if kind_of_prompt == "two_tasks":
        return [*_last_wins(rng, wrong_piece(rng, phrasings, goal), task), output]
    if kind_of_prompt == "two_formats":
        return [task, *_last_wins(rng, other_format_piece(rng, phrasings, goal), output)]
    return [task, output] if rng.random() < 0.85 else [output, task]


def _last_wins(rng: random.Random, loser: Piece, winner: Piece) -> Sequence[Piece]:
    return (loser, winner) if rng.random() < LAST_WINS_SHARE else (winner, loser)


def _turns(rng: random.Random, prompt: Prompt, goal: Goal, num_turns: int) -> Turns:
    turns: Turns = []
    for index in range(num_turns):
        item = draw_item(rng, goal.kind, held_out=False)
        turns += prompt.messages(item) if index == 0 or prompt.slot else [("user", item.text)]
        turns.append(("assistant", apply_format(goal.output, item.answers[goal.task])))
    return turns
