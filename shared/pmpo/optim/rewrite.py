"""The meta-prompts: how the rewriter is asked for a better prompt (``reading`` reads its answer).

The text of a meta-prompt is passed in (the shipped ones lie in ``pmpo/runs/meta_prompts``). It has a ``[system]`` and a
``[user]`` section; slots are written ``{{name}}`` and filled in one pass, so that a filled-in prompt may itself hold
placeholders. A line whose slot has nothing to say (no task, nothing to keep) is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pmpo.errors import InvalidInputError
from pmpo.optim.types import Message, Unit, UnitImportance

INERT_BELOW_NATS = 0.01
MAX_UNITS = 5
_SECTION = re.compile(r"^\[(system|user)\]\n", re.MULTILINE)
_SLOT = re.compile(r"\{\{(task|prompt|units|measured_units|input|target|keep|limit|max_units)\}\}")


@dataclass(frozen=True, slots=True)
class MetaPrompt:
    """A meta-prompt's two messages, with slots."""

    system: str
    user: str

    @classmethod
    def parse(cls, text: str) -> MetaPrompt:
        """Read a meta-prompt file.

        Raises:
            InvalidInputError: a section is missing, or no slot for the prompt is there.
        """
        parts = _SECTION.split(text.replace("\r\n", "\n"))
        sections = dict(zip(parts[1::2], (part.strip("\n") for part in parts[2::2]), strict=True))
        if set(sections) != {"system", "user"} or "{{prompt}}" not in sections["user"]:
            raise InvalidInputError(
                "a meta-prompt needs a [system] and a [user] section, and the slot {{prompt}} in the user section"
            )
        return cls(sections["system"], sections["user"])


@dataclass(frozen=True, slots=True)
class RewriteContext:
    """What the rewriter sees: the current prompt, its units with importances, one hard example, what must be kept.

    ``limit`` is the most tokens that the new prompt may have; 0 leaves it unsaid.
    """

    prompt: str
    input: str
    target: str
    units: Sequence[UnitImportance] = ()
    task: str = ""
    keep: Sequence[str] = ()
    limit: int = 0


def render_rewrite(meta: MetaPrompt, context: RewriteContext) -> tuple[Message, ...]:
    """The conversation that asks for one better prompt."""
    values = {
        "task": context.task,
        "prompt": context.prompt,
        "units": f"\n{unit_table(context.units)}" if context.units else "",
        "measured_units": f"\n{measured_unit_table(context.units)}" if context.units else "",
        "input": context.input,
        "target": context.target,
        "keep": ", ".join(context.keep),
        "limit": str(context.limit or ""),
    }
    return (Message("system", _fill(meta.system, values)), Message("user", _fill(meta.user, values)))


def render_mask(
    meta: MetaPrompt, prompt: str, keep: Sequence[str] = (), max_units: int = MAX_UNITS
) -> tuple[Message, ...]:
    """The conversation that asks the model to wrap removable units of ``prompt`` in mask tags."""
    values = {"prompt": prompt, "keep": ", ".join(keep), "max_units": str(max_units)}
    return (Message("system", _fill(meta.system, values)), Message("user", _fill(meta.user, values)))


def unit_table(units: Sequence[UnitImportance]) -> str:
    """One line a unit, in the prompt's order: what it does, by how many nats, its text on one line."""
    return "\n".join(
        f"{word_for(row.delta)} {round(row.delta, 2) + 0.0:+.2f}: {' '.join(row.unit.text.split())}" for row in units
    )


def measured_unit_table(units: Sequence[UnitImportance]) -> str:
    """One line a unit, in the prompt's order: nats with their standard error, what that means, its text on one line."""
    return "\n".join(
        f"{row.delta + 0.0:+.3f} ± {row.standard_error:.3f} ({word_for(row.delta)}): {' '.join(row.unit.text.split())}"
        for row in units
    )


def word_for(delta: float) -> str:
    """``helps``, ``hurts`` or ``inert`` for an importance in nats per target token."""
    if abs(delta) < INERT_BELOW_NATS:
        return "inert"
    return "helps" if delta > 0 else "hurts"


def fingerprint(rewrite: MetaPrompt, mask: MetaPrompt) -> str:
    """SHA-256 over both meta-prompts as rendered for a fixed case: changes when the files or this renderer change."""
    units = [
        UnitImportance(Unit(0, 15, "Sort the words."), 0.5, 0.1),
        UnitImportance(Unit(16, 31, "Take your time."), -0.001, 0.1),
        UnitImportance(Unit(32, 53, "Count the\n words {{x}}."), -0.2, 0.1),
    ]
    prompt = "Sort the words. Take your time. Count the\n words {{x}}."
    full = RewriteContext(prompt, "a, b", "b", units, "Sort.", ["{{x}}", "Sort."])
    bare = RewriteContext(prompt, "a, b", "b")
    cases = (render_rewrite(rewrite, full), render_rewrite(rewrite, bare), render_mask(mask, prompt))
    digest = hashlib.sha256()
    for message in (message for case in cases for message in case):
        digest.update(f"{message.role}\n{message.content}\0".encode())
    return digest.hexdigest()


def _fill(template: str, values: Mapping[str, str]) -> str:
    """Fill the slots of each line in one pass; drop a line whose slots are all empty, or unknown to this form."""
    lines = []
    for line in template.split("\n"):
        names = _SLOT.findall(line)
        if names and not any(values.get(name) for name in names):
            continue
        lines.append(_SLOT.sub(lambda match: values.get(match.group(1), ""), line))
    return "\n".join(lines)
