"""Deleting units from a prompt: what a compression may do, what it costs, and the prompt without some units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pmpo.errors import InvalidInputError
from pmpo.optim.bounds import TokenCounts, boundary_slack, final_answering, final_scoring
from pmpo.optim.importance import units_of
from pmpo.optim.spec import SearchSpec
from pmpo.optim.tariff import Reservation, Tariff
from pmpo.optim.types import Unit
from pmpo.text import units as text_units


@dataclass(frozen=True, slots=True)
class DeletionRule:
    """What a compression may do. All three limits are in the loss's own unit, nats per target token by default.

    Attributes:
        epsilon: a unit may go when the training loss rises by at most this without it (its importance).
        tolerance: how far the validation loss may end above the whole prompt's, over all deletions together.
        margin: the rise of the test loss that would still be called "not worse"; the verdict is about it.
        max_units: into how many units the prompt is cut at most; neighbours are joined beyond that.
    """

    epsilon: float = 0.01
    tolerance: float = 0.01
    margin: float = 0.05
    max_units: int = 40

    def __post_init__(self) -> None:
        """Refuse limits that contradict one another."""
        if self.tolerance < 0:
            raise InvalidInputError(f"compress.tolerance is {self.tolerance}; it must be at least 0")
        if self.margin <= self.tolerance:
            raise InvalidInputError(
                f"compress.margin is {self.margin} and compress.tolerance {self.tolerance}; a margin must be larger "
                "than the rise that is allowed on purpose"
            )
        if self.max_units < 1:
            raise InvalidInputError(f"compress.max_units is {self.max_units}; it must be at least 1")


def deletable_units(prompt: str, protected: Sequence[str], rule: DeletionRule) -> tuple[Unit, ...]:
    """The units of ``prompt`` that may go: none holds a placeholder, a code block or a protected text.

    Raises:
        InvalidInputError: there is nothing to compress.
    """
    units = units_of(prompt, protected, rule.max_units)
    if not units:
        raise InvalidInputError(
            "there is nothing to compress: the prompt has fewer than two sentences or list items, apart from "
            "placeholders, code blocks and protected text; give a longer prompt or protect less"
        )
    return units


def without_units(prompt: str, units: Sequence[Unit]) -> str:
    """``prompt`` without ``units``, the last one taken out first so that the places of the others stay true."""
    for unit in sorted(units, key=lambda unit: unit.start, reverse=True):
        prompt = text_units.delete(prompt, (unit.start, unit.end))
    return prompt


def compression_spec(spec: SearchSpec, num_units: int) -> SearchSpec:
    """``spec`` for a prompt that only gets shorter: one iteration a unit, and no room for a longer final prompt."""
    return replace(spec, iterations=num_units, max_prompt_tokens=1)


def minimum_compression_budget(counts: TokenCounts, spec: SearchSpec, rule: DeletionRule) -> Reservation:
    """The smallest budget that surely covers the whole prompt, every unit's importance, one deletion and the test.

    Raises:
        InvalidInputError: there is nothing to compress.
    """
    num_units = len(deletable_units(spec.prompt, spec.protected, rule))
    shorter = compression_spec(spec, num_units)
    slack = boundary_slack(counts, spec)
    train = sum(counts.train) + slack * len(counts.train)
    validation = sum(counts.validation) + slack * len(counts.validation)
    scored = sum(counts.train) + sum(counts.validation) + num_units * train + validation
    parts = (Tariff(spec.prices).scoring(scored), *final_scoring(counts, shorter), *final_answering(counts, shorter))
    return sum(parts, start=Reservation())
