"""Where the units of the mask analysis come from: a rule, or the model, whose answer is used only when it is sound."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pmpo.optim.events import UnitSource
from pmpo.optim.importance import units_of
from pmpo.optim.reading import parse_rewrite, unfenced
from pmpo.optim.rewrite import MetaPrompt, render_mask
from pmpo.optim.types import Completion, Message, Unit
from pmpo.text.marking import MarkingError, marked_units

Ask = Callable[[tuple[Message, ...]], Awaitable[Completion]]


@dataclass(frozen=True, slots=True)
class ProposedUnits:
    """Removable units of a prompt, in order, and who found them; ``detail`` says why the model's were not used."""

    units: tuple[Unit, ...]
    source: UnitSource
    detail: str = ""


class UnitPolicy(Protocol):
    """Finds the units of a prompt."""

    async def propose(self, prompt: str) -> ProposedUnits:
        """At most as many units as were asked for, none of which touches what must stay."""
        ...


@dataclass(frozen=True, slots=True)
class RuleUnits:
    """Paragraphs, list items and sentences."""

    protected: Sequence[str]
    max_units: int

    async def propose(self, prompt: str) -> ProposedUnits:
        """See ``UnitPolicy.propose``."""
        return ProposedUnits(units_of(prompt, self.protected, self.max_units), "rule")


@dataclass(frozen=True, slots=True)
class ModelUnits:
    """The paper's way: the model wraps units in mask tags. Its answer is checked, never repaired; else the rule's.

    Attributes:
        meta: the meta-prompt that asks for the tags.
        keep: texts that the model is told to leave outside.
        fallback: what finds units when the answer cannot be used.
        ask: one greedy completion of a conversation.
    """

    meta: MetaPrompt
    keep: Sequence[str]
    fallback: RuleUnits
    ask: Ask

    async def propose(self, prompt: str) -> ProposedUnits:
        """See ``UnitPolicy.propose``. Raises BudgetExhaustedError."""
        completion = await self.ask(render_mask(self.meta, prompt, self.keep, self.fallback.max_units))
        try:
            return ProposedUnits(self._read(prompt, completion), "model")
        except MarkingError as refusal:
            by_rule = await self.fallback.propose(prompt)
            return ProposedUnits(by_rule.units, "rule", f"the model's units were not used: {refusal}")

    def _read(self, prompt: str, completion: Completion) -> tuple[Unit, ...]:
        if completion.finish_reason != "stop":
            raise MarkingError("its copy of the prompt was cut off")
        wrapped = parse_rewrite(completion.text)
        text = completion.text if wrapped is None else wrapped
        spans = marked_units(
            prompt,
            unfenced(text, prompt),
            protected=self.fallback.protected,
            max_units=self.fallback.max_units,
        )
        return tuple(Unit(start, end, prompt[start:end]) for start, end in spans)
