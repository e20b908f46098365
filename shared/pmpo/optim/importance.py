"""Mask analysis (token importance masking): what each unit of a prompt does to the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pmpo.optim.losses import Floats, standard_error
from pmpo.optim.types import Unit, UnitImportance
from pmpo.text import units as text_units

MaskMode = Literal["delete", "placeholder"]


def units_of(prompt: str, protected: Sequence[str], max_units: int) -> tuple[Unit, ...]:
    """The removable units of ``prompt``, by rule, in order."""
    spans = text_units.segment(prompt, protected=protected, max_units=max_units)
    return tuple(Unit(start, end, prompt[start:end]) for start, end in spans)


def masked_prompts(prompt: str, units: Sequence[Unit], mode: MaskMode = "delete") -> tuple[str, ...]:
    """Equation 1: the prompt without unit j, or with a filler in its place, for each j."""
    if mode == "placeholder":
        return tuple(text_units.replace(prompt, (unit.start, unit.end)) for unit in units)
    return tuple(text_units.delete(prompt, (unit.start, unit.end)) for unit in units)


def importances(units: Sequence[Unit], masked: Floats, baseline: Floats, weights: Floats) -> tuple[UnitImportance, ...]:
    """Equation 2: the rise of the loss without unit j, paired by example.

    Args:
        units: S units.
        masked: (S, N) losses of the masked prompts.
        baseline: (N,) losses of the whole prompt.
        weights: (N,) rewards.
    """
    shares = weights / weights.sum()
    rows = []
    for unit, losses in zip(units, masked, strict=True):
        difference = losses - baseline
        delta = float(np.dot(shares, difference))
        rows.append(UnitImportance(unit, delta, standard_error(difference, weights)))
    return tuple(rows)
