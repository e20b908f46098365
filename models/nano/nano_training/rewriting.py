"""Training samples of the two editing skills, in the very meta-prompts that ship with the product."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from nano_training.conversations import Turns
from nano_training.goals import TASK, Goal, draw_goal, piece_for, vague_core, wrong_piece
from nano_training.kinds.all import KINDS, draw_item
from nano_training.phrasings import Phrasings
from nano_training.prompts import Piece, Prompt, build_prompt, draw_num_fillers
from pmpo.optim.rewrite import MetaPrompt, RewriteContext, render_mask, render_rewrite
from pmpo.optim.types import Unit, UnitImportance
from pmpo.text.units import segment

TABLE_SHARE = 0.85
DESCRIPTION_SHARE = 0.35
PROTECT_SHARE = 0.15
KEEP_FILLER_SHARE = 0.15
KEEP_VAGUE_SHARE = 0.15
MAX_UNITS = 5
MAX_STEPS_SHARE = 0.3
NUM_REPAIRS = (1, 2, 3)
_REPAIR_SHARES = (78, 18, 4)
_STATE_SHARES = {"vague": 30, "partial": 34, "wrong": 20, "padded": 8}
_UNMEASURED = ("filler", "vague", "role", "plain")


@dataclass(frozen=True, slots=True)
class MetaPrompts:
    """The shipped forms that ask for a better prompt and for removable parts."""

    rewrite: MetaPrompt
    mask: MetaPrompt


def draw_rewrite(rng: random.Random, phrasings: Phrasings, forms: MetaPrompts) -> Turns:
    """A flawed prompt, its unit table, one hard example; answered with a prompt that repairs one flaw, seldom more."""
    goal = _draw_goal(rng)
    prompt = draw_flawed_prompt(rng, phrasings, goal)
    item = draw_item(rng, goal.kind, held_out=False)
    protected = _draw_protected(rng, prompt)
    context = RewriteContext(
        prompt=prompt.text,
        input=item.text,
        target=goal.target(item),
        units=draw_importances(rng, prompt) if rng.random() < TABLE_SHARE else (),
        task=rng.choice(KINDS[goal.kind].tasks[goal.task].descriptions) if rng.random() < DESCRIPTION_SHARE else "",
        keep=(*((prompt.slot,) if prompt.slot else ()), *(piece.text for piece in protected)),
    )
    turns = [(message.role, message.content) for message in render_rewrite(forms.rewrite, context)]
    better = draw_better_prompt(rng, phrasings, goal, prompt, protected)
    return [*turns, ("assistant", f"<prompt>{better.text}</prompt>")]


def draw_flawed_prompt(rng: random.Random, phrasings: Phrasings, goal: Goal) -> Prompt:
    """A prompt for ``goal`` that states nothing, some of the requirements, something wrong, or is only padded."""
    state = rng.choices(tuple(_STATE_SHARES), tuple(_STATE_SHARES.values()))[0]
    wanted = list(goal.requirements())
    if state == "vague":
        return build_prompt(rng, vague_core(rng), kind=goal.kind, num_fillers=draw_num_fillers(rng))
    share = 1.0 if state == "padded" else rng.uniform(0.2, 0.95)
    stated = [requirement for requirement in wanted if rng.random() < share]
    core = [piece_for(rng, phrasings, goal, requirement) for requirement in stated]
    rest = core[1:]
    rng.shuffle(rest)
    core = [*core[:1], *rest]
    if state == "wrong":
        name = rng.choice([TASK, *(name for name, _ in goal.style.requirements() if name != "steps")])
        core = [piece for piece in core if piece.purpose != name or rng.random() < 0.2]
        core.insert(rng.randint(0, len(core)), wrong_piece(rng, phrasings, goal, name))
    if not any(piece.purpose in (TASK, f"wrong:{TASK}") for piece in core):
        core = [*vague_core(rng), *core]
    return build_prompt(rng, core, kind=goal.kind, num_fillers=draw_num_fillers(rng))


def draw_better_prompt(
    rng: random.Random, phrasings: Phrasings, goal: Goal, flawed: Prompt, protected: Sequence[Piece] = ()
) -> Prompt:
    """``flawed`` with one or two of its flaws repaired and most of the filler gone; what is right stays as it is."""
    pieces = list(flawed.pieces)
    stated = {piece.purpose for piece in pieces}
    flaws = [r for r in goal.requirements() if r[0] not in stated or f"wrong:{r[0]}" in stated]
    num_repairs = rng.choices(NUM_REPAIRS, _REPAIR_SHARES)[0]
    chosen = _choose(rng, flaws, num_repairs)
    for requirement in chosen:
        pieces = _repaired(pieces, requirement[0], piece_for(rng, phrasings, goal, requirement), protected)
    if not flaws:
        pieces = _polished(rng, phrasings, goal, pieces, protected)
    drops = {"filler": KEEP_FILLER_SHARE, "vague": KEEP_VAGUE_SHARE}
    kept = [p for p in pieces if p in protected or p.purpose not in drops or rng.random() < drops[p.purpose]]
    if all(piece.purpose == "slot" for piece in kept):
        kept = pieces
    return flawed.with_pieces(kept)


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
    text = draw_flawed_prompt(rng, phrasings, draw_goal(rng, repeat_share=0.0)).text
    turns = [(message.role, message.content) for message in render_mask(forms.mask, text)]
    marked = text
    for start, end in reversed(segment(text, max_units=MAX_UNITS)):
        marked = f"{marked[:start]}<mask>{marked[start:end]}</mask>{marked[end:]}"
    return [*turns, ("assistant", marked)]


def _draw_goal(rng: random.Random) -> Goal:
    """A goal with some requirements; worked-out steps are long, so most goals that have them are drawn again."""
    while True:
        goal = draw_goal(rng, repeat_share=0.0, min_requirements=rng.choice((0, 1, 2, 2, 3, 3)))
        if goal.style.steps != "steps" or rng.random() < MAX_STEPS_SHARE:
            return goal


def _draw_protected(rng: random.Random, prompt: Prompt) -> list[Piece]:
    pieces = [piece for piece in prompt.pieces if piece.purpose != "slot" and not piece.purpose.startswith("wrong:")]
    return [rng.choice(pieces)] if pieces and rng.random() < PROTECT_SHARE else []


def _choose(rng: random.Random, flaws: list[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """Which flaws to repair: the task twice as often as another, in the order of the requirements."""
    left = list(flaws)
    chosen: list[tuple[str, str]] = []
    while left and len(chosen) < count:
        drawn = rng.choices(left, [2 if name == TASK else 1 for name, _ in left])[0]
        left.remove(drawn)
        chosen.append(drawn)
    return sorted(chosen, key=flaws.index)


def _repaired(pieces: list[Piece], name: str, right: Piece, protected: Sequence[Piece]) -> list[Piece]:
    """``right`` in the place of a wrong sentence of the same purpose; else the task in front, the rest at the end."""
    places = [index for index, piece in enumerate(pieces) if piece.purpose == f"wrong:{name}"]
    is_stated = any(piece.purpose == name for piece in pieces)
    if places:
        return [*pieces[: places[0]], *([] if is_stated else [right]), *pieces[places[0] + 1 :]]
    if name != TASK:
        is_slot_last = bool(pieces) and pieces[-1].purpose == "slot"
        at = len(pieces) - is_slot_last
        return [*pieces[:at], right, *pieces[at:]]
    vague = [i for i, piece in enumerate(pieces) if piece.purpose == "vague" and piece not in protected]
    if vague:
        return [*pieces[: vague[0]], right, *pieces[vague[0] + 1 :]]
    at = next((i for i, piece in enumerate(pieces) if piece.purpose not in ("role", "slot")), len(pieces))
    return [*pieces[:at], right, *pieces[at:]]


def _polished(
    rng: random.Random, phrasings: Phrasings, goal: Goal, pieces: list[Piece], protected: Sequence[Piece]
) -> list[Piece]:
    """One right sentence said in other words."""
    wanted = dict(goal.requirements())
    places = [i for i, piece in enumerate(pieces) if piece.purpose in wanted and piece not in protected]
    if not places or rng.random() < 0.4:
        return pieces
    at = rng.choice(places)
    name = pieces[at].purpose
    return [*pieces[:at], piece_for(rng, phrasings, goal, (name, wanted[name])), *pieces[at + 1 :]]


def _draw_delta(rng: random.Random, purposes: set[str]) -> float:
    """A plausible rise of the loss when a unit with these purposes is deleted."""
    draw = rng.random()
    if any(purpose.startswith("wrong:") for purpose in purposes):
        return rng.uniform(-1.0, -0.02) if draw < 0.85 else rng.uniform(-0.05, 0.3)
    if purposes <= set(_UNMEASURED):
        return rng.uniform(-0.009, 0.009) if draw < 0.6 else rng.uniform(-0.1, 0.1)
    return rng.uniform(0.05, 1.2) if draw < 0.85 else rng.uniform(-0.05, 0.1)
