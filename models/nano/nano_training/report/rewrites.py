"""The rewriting skill: rewrites of vague prompts, drawn and measured as the optimizer does."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from nano_training.answers import Item
from nano_training.corpus import shipped_forms
from nano_training.fillers import FILLERS, VAGUE
from nano_training.goals import Goal, goal_for
from nano_training.kinds.all import KINDS, TRAINED_FAMILIES
from nano_training.prompts import Piece, Prompt
from nano_training.report.families import fresh_items, score_prompts
from nano_training.scoring import Scorer
from pmpo.optim.reading import parse_rewrite
from pmpo.optim.rewrite import RewriteContext, render_rewrite
from pmpo.optim.types import Unit, UnitImportance
from pmpo.text.units import delete, segment

NUM_SAMPLES = 4
MAX_REWRITE_TOKENS = 160
MAX_UNITS = 5


@dataclass(frozen=True, slots=True)
class RewriteCase:
    """Mean loss under a vague prompt, and under each parseable rewrite of it (nats per target token)."""

    kind: str
    before: float
    after: tuple[float, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RewriteResult:
    """Shares over all sampled rewrites of vague prompts, and mean losses in nats per target token."""

    name: str
    num_cases: int
    num_samples: int
    parseable: float
    better: float
    distinct: float
    vague_nats: float
    mean_nats: float
    best_nats: float


def measure_rewrites(scorer: Scorer, num_cases: int, num_inputs: int, seed: int) -> list[RewriteResult]:
    """One result for each kind of input, and one over all named ``all``."""
    cases = [
        _case(scorer, random.Random(f"{seed}:rewriting:{index}"), num_inputs, seed + index)
        for index in range(num_cases)
    ]
    rows = [_summary(kind, [case for case in cases if case.kind == kind]) for kind in KINDS]
    return [row for row in rows if row.num_cases] + [_summary("all", cases)]


def _summary(name: str, cases: list[RewriteCase]) -> RewriteResult:
    total = len(cases) * NUM_SAMPLES
    texts = [text for case in cases for text in case.texts]
    return RewriteResult(
        name=name,
        num_cases=len(cases),
        num_samples=total,
        parseable=len(texts) / max(1, total),
        better=sum(nats < case.before for case in cases for nats in case.after) / max(1, total),
        distinct=len(set(texts)) / max(1, total),
        vague_nats=_mean(case.before for case in cases),
        mean_nats=_mean(nats for case in cases for nats in case.after or [case.before]),
        best_nats=_mean(min([case.before, *case.after]) for case in cases),
    )


def _case(scorer: Scorer, rng: random.Random, num_inputs: int, seed: int) -> RewriteCase:
    goal = goal_for(rng, rng.choice(TRAINED_FAMILIES), min_requirements=1)
    fillers = [Piece("filler", text) for text in rng.sample(FILLERS, rng.randint(0, 2))]
    prompt = Prompt((Piece("vague", rng.choice(VAGUE)), *fillers))
    items = fresh_items(rng, goal.kind, num_inputs)
    answers = scorer.sample(_messages(scorer, prompt, goal, items), NUM_SAMPLES, MAX_REWRITE_TOKENS, seed)
    texts = [text for text in map(parse_rewrite, answers) if text]
    prompts = [prompt, *(Prompt((Piece("rewrite", text),)) for text in texts)]
    before, *after = (fmean(score.nats for score in row) for row in score_prompts(scorer, prompts, goal, items))
    return RewriteCase(goal.kind, before, tuple(after), tuple(texts))


def _messages(scorer: Scorer, prompt: Prompt, goal: Goal, items: list[Item]) -> list[tuple[str, str]]:
    """The shipped meta-prompt with measured importances and the hardest example."""
    spans = segment(prompt.text, max_units=MAX_UNITS)
    masked = [Prompt((Piece("masked", delete(prompt.text, span)),)) for span in spans]
    rows = score_prompts(scorer, [prompt, *masked], goal, items)
    base, *others = (fmean(score.nats for score in row) for row in rows)
    units = [
        UnitImportance(Unit(start, end, prompt.text[start:end]), nats - base, 0.0)
        for (start, end), nats in zip(spans, others, strict=True)
    ]
    hardest = items[max(range(len(items)), key=lambda index: rows[0][index].nats)]
    context = RewriteContext(prompt.text, hardest.text, goal.target(hardest), units)
    return [(message.role, message.content) for message in render_rewrite(shipped_forms().rewrite, context)]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return fmean(found) if found else 0.0
