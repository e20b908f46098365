"""Loss and exact match of every family under every kind of prompt."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean

from nano_training.answers import Item
from nano_training.conversations import with_contradiction
from nano_training.entities import Entities, train_entities
from nano_training.fillers import FILLERS, VAGUE
from nano_training.goals import Goal, clear_core, goal_for
from nano_training.kinds.all import draw_item
from nano_training.phrasings import Phrasings, split_phrasings
from nano_training.prompts import Piece, Prompt
from nano_training.scoring import Score, Scorer

PHRASING_SETS = ("seen", "unseen")
PROMPT_KINDS = ("clear", "padded", "format_missing", "task_missing", "vague", "contradictory")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many prompts for each family, and how many inputs for each prompt, drawn by ``seed``."""

    num_prompts: int = 5
    num_inputs: int = 4
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """Mean loss (nats per target token) and exact match of one family under one kind of prompt."""

    family: str
    prompt_kind: str
    phrasing: str
    nats: float
    exact: float
    num_scored: int


@dataclass(frozen=True, slots=True)
class Setting:
    """What is held out: the sentences, the names in the inputs, the combination of output formats."""

    phrasing: str = "unseen"
    entities: Entities | None = None
    combinations_held_out: bool = False

    @property
    def phrasings(self) -> Phrasings:
        """The sentences of this setting."""
        return split_phrasings()[PHRASING_SETS.index(self.phrasing)]


def measure_family(
    scorer: Scorer, family: tuple[str, str], setting: Setting, sizes: Sizes, kinds: tuple[str, ...]
) -> list[Cell]:
    """A cell for each kind of prompt, on inputs that training never sees (single words excepted)."""
    rng = random.Random(f"{sizes.seed}:{family}:{setting.phrasing}:{setting.combinations_held_out}")
    scores: dict[str, list[Score]] = {kind: [] for kind in kinds}
    for _ in range(sizes.num_prompts):
        goal = goal_for(rng, family, min_requirements=1, held_out=setting.combinations_held_out)
        items = fresh_items(rng, goal.kind, sizes.num_inputs, setting.entities)
        prompts = [PROMPTS[kind](rng, setting.phrasings, goal) for kind in kinds]
        for kind, rows in zip(kinds, score_prompts(scorer, prompts, goal, items), strict=True):
            scores[kind] += rows
    name = "/".join(family)
    return [
        Cell(name, kind, setting.phrasing, fmean(s.nats for s in rows), fmean(s.is_exact for s in rows), len(rows))
        for kind, rows in scores.items()
    ]


def fresh_items(rng: random.Random, kind: str, count: int, entities: Entities | None = None) -> list[Item]:
    """Inputs that training never sees."""
    return [draw_item(rng, kind, held_out=True, entities=entities or train_entities()) for _ in range(count)]


def score_prompts(scorer: Scorer, prompts: list[Prompt], goal: Goal, items: list[Item]) -> list[list[Score]]:
    """(prompts, items) scores of the goal's targets, in one batch."""
    cases = [(prompt.messages(item), goal.target(item)) for prompt in prompts for item in items]
    scores = scorer.score(cases)
    return [scores[start : start + len(items)] for start in range(0, len(scores), len(items))]


def _clear(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Prompt:
    return Prompt(tuple(clear_core(rng, phrasings, goal)))


def _padded(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Prompt:
    pieces = clear_core(rng, phrasings, goal)
    for text in rng.sample(FILLERS, 2):
        pieces.insert(rng.randint(0, len(pieces)), Piece("filler", text))
    return Prompt(tuple(pieces))


def _format_missing(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Prompt:
    return Prompt(tuple(piece for piece in clear_core(rng, phrasings, goal) if piece.purpose == "task"))


def _task_missing(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Prompt:
    rest = [piece for piece in clear_core(rng, phrasings, goal) if piece.purpose != "task"]
    return Prompt((Piece("vague", rng.choice(VAGUE)), *rest))


def _vague(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Prompt:
    return Prompt((Piece("vague", rng.choice(VAGUE)), Piece("filler", rng.choice(FILLERS))))


def _contradictory(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Prompt:
    return Prompt(tuple(with_contradiction(rng, phrasings, goal, clear_core(rng, phrasings, goal))))


PROMPTS: Mapping[str, Callable[[random.Random, Phrasings, Goal], Prompt]] = {
    "clear": _clear,
    "padded": _padded,
    "format_missing": _format_missing,
    "task_missing": _task_missing,
    "vague": _vague,
    "contradictory": _contradictory,
}
