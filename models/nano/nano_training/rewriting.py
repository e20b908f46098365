"""Training samples of the two editing skills, in the very meta-prompts that ship with the product."""

from __future__ import annotations

import random
from dataclasses import dataclass

from nano_training.conversations import (
    Goal,
    Turns,
    clear_core,
    draw_goal,
    format_piece,
    other_format_piece,
    task_piece,
    vague_core,
    wrong_piece,
)
from nano_training.formats import apply_format
from nano_training.inputs import draw_item
from nano_training.phrasings import Phrasings
from nano_training.prompts import Prompt, build_prompt, draw_num_fillers
from nano_training.task_phrasings import DESCRIPTIONS
from pmpo.optim.rewrite import MetaPrompt, RewriteContext, render_mask, render_rewrite
from pmpo.optim.types import Unit, UnitImportance
from pmpo.text.units import segment

TABLE_SHARE = 0.85
DESCRIPTION_SHARE = 0.4
MAX_UNITS = 5
_FLAWS = ("vague", "wrong_task", "format_missing", "task_missing", "wrong_format", "padded")
_FLAW_SHARES = (30, 17, 17, 17, 7, 12)


@dataclass(frozen=True, slots=True)
class MetaPrompts:
    """The shipped forms that ask for a better prompt and for removable parts."""

    rewrite: MetaPrompt
    mask: MetaPrompt


def draw_rewrite(rng: random.Random, phrasings: Phrasings, forms: MetaPrompts) -> Turns:
    """A flawed prompt, its unit table, one hard example; answered with a prompt that names its task and format."""
    goal = draw_goal(rng, repeat_share=0.0)
    prompt = draw_flawed_prompt(rng, phrasings, goal)
    item = draw_item(rng, goal.kind, held_out=False)
    context = RewriteContext(
        prompt=prompt.text,
        input=item.text,
        target=apply_format(goal.output, item.answers[goal.task]),
        units=draw_importances(rng, prompt) if rng.random() < TABLE_SHARE else (),
        task=rng.choice(DESCRIPTIONS[goal.kind, goal.task]) if rng.random() < DESCRIPTION_SHARE else "",
        keep=(prompt.slot,) if prompt.slot else (),
    )
    turns = [(message.role, message.content) for message in render_rewrite(forms.rewrite, context)]
    better = draw_better_prompt(rng, phrasings, goal, prompt)
    return [*turns, ("assistant", f"<prompt>{better.text}</prompt>")]


def draw_flawed_prompt(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Prompt:
    """A prompt for ``goal`` that is vague, wrong, incomplete, or only padded."""
    flaw = rng.choices(_FLAWS, _FLAW_SHARES)[0]
    task, output = task_piece(rng, phrasings, goal), format_piece(rng, phrasings, goal)
    cores = {
        "vague": vague_core(rng),
        "wrong_task": [wrong_piece(rng, phrasings, goal), *([output] if rng.random() < 0.6 else [])],
        "format_missing": [task],
        "task_missing": [*vague_core(rng), output],
        "wrong_format": [task, other_format_piece(rng, phrasings, goal)],
        "padded": [task, output],
    }
    return build_prompt(rng, cores[flaw], kind=goal.kind, num_fillers=draw_num_fillers(rng))


def draw_better_prompt(rng: random.Random, phrasings: Phrasings, goal: Goal, flawed: Prompt) -> Prompt:
    """Task and format without filler; sentences of ``flawed`` that name either are mostly kept word for word."""
    kept = {piece.purpose: piece for piece in flawed.pieces if rng.random() < 0.75}
    core = [kept.get(piece.purpose, piece) for piece in clear_core(rng, phrasings, goal)]
    return build_prompt(rng, core, kind=goal.kind, num_fillers=0, slot=flawed.slot)


def draw_importances(rng: random.Random, prompt: Prompt) -> list[UnitImportance]:
    """What a masking pass might have measured for each unit of ``prompt`` (nats per target token).

    The units are the optimizer's own; there are none when the prompt has fewer than two.
    """
    rows = []
    for start, end in segment(prompt.text, max_units=MAX_UNITS):
        purposes = {piece.purpose for piece, low, high in prompt.spans() if low < end and start < high}
        unit = Unit(start, end, prompt.text[start:end])
        rows.append(UnitImportance(unit, _draw_delta(rng, purposes), rng.uniform(0.001, 0.1)))
    return rows


def draw_mask(rng: random.Random, phrasings: Phrasings, forms: MetaPrompts) -> Turns:
    """A prompt whose units (at most MAX_UNITS, never a placeholder) get mask tags; nothing else changes."""
    goal = draw_goal(rng, repeat_share=0.0)
    text = draw_flawed_prompt(rng, phrasings, goal).text
    turns = [(message.role, message.content) for message in render_mask(forms.mask, text)]
    marked = text
    for start, end in reversed(segment(text, max_units=MAX_UNITS)):
        marked = f"{marked[:start]}<mask>{marked[start:end]}</mask>{marked[end:]}"
    return [*turns, ("assistant", marked)]


def _draw_delta(rng: random.Random, purposes: set[str]) -> float:
    """A plausible rise of the loss when a unit with these purposes is deleted."""
    draw = rng.random()
    if purposes & {"task", "format"}:
        return rng.uniform(0.1, 1.5) if draw < 0.85 else rng.uniform(-0.05, 0.1)
    if purposes & {"wrong", "other_format"}:
        return rng.uniform(-1.5, -0.05) if draw < 0.85 else rng.uniform(-0.05, 0.3)
    return rng.uniform(-0.009, 0.009) if draw < 0.7 else rng.uniform(-0.15, 0.15)
