"""Training conversations: one prompt, one to six inputs, the answers that the prompt asks for."""

from __future__ import annotations

import random
from dataclasses import replace

from nano_training.entities import BLAME, CITIES, NAMES, PRAISE, PRODUCTS, WORDS, made_up_name, made_up_word
from nano_training.goals import (
    Goal,
    clear_core,
    draw_goal,
    draw_wrong_name,
    vague_core,
    wrong_piece,
)
from nano_training.grammar import expand
from nano_training.kinds.all import PUBLIC_KINDS, draw_item, is_held_out
from nano_training.phrasings import REPEAT_PATTERNS, Phrasings
from nano_training.prompts import Piece, Prompt, build_prompt, draw_num_fillers
from nano_training.styles import DEFAULT

LAST_WINS_SHARE = 0.7
EXAMPLES_SHARE = 0.1
_PROMPT_KINDS = ("clear", "omitted", "vague", "contradictory")
_PROMPT_SHARES = (58, 22, 10, 10)
_NUM_TURNS = (1, 1, 2, 3, 4, 6)
_NUM_TURNS_LONG = (1, 1, 2)
_REPEAT_SENTENCES = tuple(sentence for pattern in REPEAT_PATTERNS for sentence in expand(pattern))
_ECHOED = (WORDS, WORDS, NAMES, CITIES, PRODUCTS, PRAISE + BLAME, tuple(map(str, range(100))))
MADE_UP_SHARE = 0.25

Turns = list[tuple[str, str]]


def draw_conversation(rng: random.Random, phrasings: Phrasings) -> Turns:
    """One training conversation: roles and texts, ready to be encoded."""
    goal = draw_goal(rng)
    core = _core(rng, phrasings, goal, rng.choices(_PROMPT_KINDS, _PROMPT_SHARES)[0])
    prompt = build_prompt(rng, core, kind=goal.kind, num_fillers=draw_num_fillers(rng))
    if rng.random() < EXAMPLES_SHARE and goal.style.steps == DEFAULT:
        prompt = with_examples(rng, prompt, goal)
    is_long = goal.style.steps == "steps" or goal.kind in PUBLIC_KINDS
    return _turns(rng, prompt, goal, rng.choice(_NUM_TURNS_LONG if is_long else _NUM_TURNS))


def with_examples(rng: random.Random, prompt: Prompt, goal: Goal) -> Prompt:
    """One to three worked examples at the end of the prompt's text, each piece on its own line."""
    shown = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        item = draw_item(rng, goal.kind, held_out=False)
        shown.append(Piece("example", f"Input: {item.text}\nOutput: {goal.target(item)}"))
    return replace(prompt, pieces=(*prompt.pieces, *shown), separator="\n")


def draw_echo(rng: random.Random) -> Turns:
    """A conversation that only repeats random words and numbers: how copying is learned first."""
    turns: Turns = [("system", rng.choice(_REPEAT_SENTENCES))]
    separator = rng.choice((" ", " ", ", "))
    for _ in range(rng.choice((1, 2, 3))):
        text = _echoed_text(rng, separator)
        while is_held_out(text):
            text = _echoed_text(rng, separator)
        turns += [("user", text), ("assistant", text)]
    return turns


def _echoed_text(rng: random.Random, separator: str) -> str:
    return separator.join(_echoed_word(rng) for _ in range(rng.randint(1, 10)))


def _echoed_word(rng: random.Random) -> str:
    if rng.random() < MADE_UP_SHARE:
        return made_up_name(rng) if rng.random() < 0.5 else made_up_word(rng)
    return rng.choice(rng.choice(_ECHOED))


def _core(rng: random.Random, phrasings: Phrasings, goal: Goal, kind_of_prompt: str) -> list[Piece]:
    if kind_of_prompt == "vague":
        return vague_core(rng)
    core = clear_core(rng, phrasings, goal)
    if kind_of_prompt == "omitted":
        share = rng.uniform(0.2, 0.9)
        kept = [piece for piece in core if rng.random() >= share]
        has_task = any(piece.purpose == "task" for piece in kept)
        return kept if has_task else [*vague_core(rng), *kept]
    if kind_of_prompt == "contradictory":
        return with_contradiction(rng, phrasings, goal, core)
    return core


def with_contradiction(rng: random.Random, phrasings: Phrasings, goal: Goal, core: list[Piece]) -> list[Piece]:
    """``core`` with a sentence that contradicts one of its own; in most cases the later one is what the answers obey.

    A dimension that the goal leaves at its default is contradicted by a sentence alone: nothing can win over it there,
    so such a sentence is only added where the goal states the dimension.
    """
    stated = {piece.purpose for piece in core}
    name = draw_wrong_name(rng, goal)
    if name not in stated:
        name = "task"
    wrong = wrong_piece(rng, phrasings, goal, name)
    place = next(index for index, piece in enumerate(core) if piece.purpose == name)
    at = rng.randint(0, place) if rng.random() < LAST_WINS_SHARE else rng.randint(place + 1, len(core))
    return [*core[:at], wrong, *core[at:]]


def _turns(rng: random.Random, prompt: Prompt, goal: Goal, num_turns: int) -> Turns:
    turns: Turns = []
    for index in range(num_turns):
        item = draw_item(rng, goal.kind, held_out=False)
        turns += prompt.messages(item) if index == 0 or prompt.slot else [("user", item.text)]
        turns.append(("assistant", goal.target(item)))
    return turns
