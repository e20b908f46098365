"""What is measured: each family under each kind of prompt, on held-out inputs, and the rewriting skill."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from nano_training.conversations import FAMILIES, Goal, format_piece, task_piece, wrong_piece
from nano_training.corpus import shipped_forms
from nano_training.formats import FORMAT_NAMES, apply_format
from nano_training.inputs import Item, draw_item
from nano_training.phrasings import FILLERS, VAGUE, Phrasings, split_phrasings
from nano_training.prompts import Piece, Prompt
from nano_training.scoring import Score, Scorer
from pmpo.optim.reading import parse_rewrite
from pmpo.optim.rewrite import RewriteContext, render_rewrite
from pmpo.optim.types import Unit, UnitImportance
from pmpo.text.units import delete, segment

PROMPT_KINDS = ("clear", "padded", "format_missing", "task_missing", "vague", "wrong")
PHRASING_SETS = ("seen", "unseen")
MAX_REWRITE_TOKENS = 96


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
class RewriteResult:
    """Shares over all sampled rewrites of vague prompts, and mean losses in nats per target token."""

    num_cases: int
    num_samples: int
    parseable: float
    better: float
    distinct: float
    vague_nats: float
    mean_nats: float
    best_nats: float


def evaluate_family(
    scorer: Scorer, goal_family: tuple[str, str], phrasing: str, *, num_prompts: int, num_inputs: int, seed: int
) -> list[Cell]:
    """A cell for each kind of prompt: ``num_prompts`` prompts, each with its own format and ``num_inputs`` inputs."""
    rng = random.Random(f"{seed}:{goal_family}:{phrasing}")
    phrasings = split_phrasings()[PHRASING_SETS.index(phrasing)]
    scores: dict[str, list[Score]] = {kind: [] for kind in PROMPT_KINDS}
    for _ in range(num_prompts):
        goal = Goal(*goal_family, rng.choice(FORMAT_NAMES))
        items = [draw_item(rng, goal.kind, held_out=True) for _ in range(num_inputs)]
        prompts = prompts_for(rng, phrasings, goal)
        cases = [(prompt.messages(item), _target(goal, item)) for prompt in prompts.values() for item in items]
        found = scorer.score(cases)
        for index, kind in enumerate(prompts):
            scores[kind] += found[index * num_inputs : (index + 1) * num_inputs]
    family = "/".join(goal_family)
    return [
        Cell(family, kind, phrasing, fmean(s.nats for s in rows), fmean(s.is_exact for s in rows), len(rows))
        for kind, rows in scores.items()
    ]


def prompts_for(rng: random.Random, phrasings: Phrasings, goal: Goal) -> dict[str, Prompt]:
    """One prompt of each kind for the same goal."""
    task, output = task_piece(rng, phrasings, goal), format_piece(rng, phrasings, goal)
    wrong, vague = wrong_piece(rng, phrasings, goal), Piece("vague", rng.choice(VAGUE))
    first, second = (Piece("filler", text) for text in rng.sample(FILLERS, 2))
    return {
        "clear": Prompt((task, output)),
        "padded": Prompt((first, task, second, output)),
        "format_missing": Prompt((task,)),
        "task_missing": Prompt((vague, output)),
        "vague": Prompt((vague, first)),
        "wrong": Prompt((wrong, output)),
    }


def score_prompt(scorer: Scorer, prompt: Prompt, goal: Goal, items: Sequence[Item]) -> list[Score]:
    """One score an item."""
    return scorer.score([(prompt.messages(item), _target(goal, item)) for item in items])


def evaluate_rewriting(
    scorer: Scorer, *, num_cases: int, num_samples: int, num_inputs: int, seed: int
) -> RewriteResult:
    """Rewrite vague prompts as the optimizer would: measured unit table, hardest example, temperature 1."""
    rng = random.Random(f"{seed}:rewriting")
    cases = [_rewrite_case(scorer, rng, num_samples, num_inputs, seed + index) for index in range(num_cases)]
    total = num_cases * num_samples
    texts = [text for case in cases for text in case.texts]
    return RewriteResult(
        num_cases=num_cases,
        num_samples=total,
        parseable=len(texts) / total,
        better=sum(nats < case.before for case in cases for nats in case.after) / total,
        distinct=len(set(texts)) / total,
        vague_nats=fmean(case.before for case in cases),
        mean_nats=fmean(nats for case in cases for nats in case.after or [case.before]),
        best_nats=fmean(min([case.before, *case.after]) for case in cases),
    )


@dataclass(frozen=True, slots=True)
class _RewriteCase:
    """Mean loss under a vague prompt, and under each parseable rewrite of it (nats per target token)."""

    before: float
    after: tuple[float, ...]
    texts: tuple[str, ...]


def _rewrite_case(scorer: Scorer, rng: random.Random, num_samples: int, num_inputs: int, seed: int) -> _RewriteCase:
    goal = Goal(*rng.choice(FAMILIES), rng.choice(FORMAT_NAMES))
    fillers = [Piece("filler", text) for text in rng.sample(FILLERS, rng.randint(0, 2))]
    prompt = Prompt((Piece("vague", rng.choice(VAGUE)), *fillers))
    items = [draw_item(rng, goal.kind, held_out=True) for _ in range(num_inputs)]
    messages = _rewrite_messages(scorer, prompt, goal, items)
    answers = scorer.sample(messages, num_samples, MAX_REWRITE_TOKENS, seed)
    texts = [text for text in map(parse_rewrite, answers) if text]
    after = [_mean_nats(scorer, text, goal, items) for text in texts]
    return _RewriteCase(_mean_nats(scorer, prompt.text, goal, items), tuple(after), tuple(texts))


def _rewrite_messages(scorer: Scorer, prompt: Prompt, goal: Goal, items: Sequence[Item]) -> list[tuple[str, str]]:
    scores = score_prompt(scorer, prompt, goal, items)
    hardest = items[max(range(len(items)), key=lambda index: scores[index].nats)]
    units = _importances(scorer, prompt, goal, items)
    context = RewriteContext(prompt.text, hardest.text, _target(goal, hardest), units)
    return [(message.role, message.content) for message in render_rewrite(shipped_forms().rewrite, context)]


def _importances(scorer: Scorer, prompt: Prompt, goal: Goal, items: Sequence[Item]) -> list[UnitImportance]:
    """Equation 2 for each unit that the optimizer would cut: the loss without it less the loss with it."""
    whole = _mean_nats(scorer, prompt.text, goal, items)
    return [
        UnitImportance(
            Unit(start, end, prompt.text[start:end]),
            _mean_nats(scorer, delete(prompt.text, (start, end)), goal, items) - whole,
            0.0,
        )
        for start, end in segment(prompt.text)
    ]


def _mean_nats(scorer: Scorer, prompt: str, goal: Goal, items: Sequence[Item]) -> float:
    cases = [([("system", prompt), ("user", item.text)], _target(goal, item)) for item in items]
    return fmean(score.nats for score in scorer.score(cases))


def _target(goal: Goal, item: Item) -> str:
    return apply_format(goal.output, item.answers[goal.task])
