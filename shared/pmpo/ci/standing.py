"""How a prompt stands against the lock: what changed since, whether it got worse, and whether that passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pmpo.ci.comparison import Comparison, Measured, NotComparableError, Thresholds, compared
from pmpo.ci.digests import Fingerprint
from pmpo.ci.lock import LockedPrompt
from pmpo.contracts.jobs import ModelView

Cause = Literal["unlocked", "prompt", "data", "scoring", "model"]
Models = Mapping[str, ModelView]
_WORDS = {
    "prompt": "the prompt was edited",
    "data": "the data changed",
    "scoring": "the settings that decide losses changed (objective, fields, answer_prefix, seed or anchors)",
}


@dataclass(frozen=True, slots=True)
class Change:
    """Something that the locked losses do not hold for any more."""

    cause: Cause
    sentence: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One prompt.

    Attributes:
        name, file: as in ``pmpo.toml``.
        text: the prompt as it is.
        thresholds: when it counts as worse.
        locked: what it was measured at; None when it is not in the lock.
        changes: why the lock is stale; empty when it is not.
        measured: its losses now; None when nothing had to be scored.
        comparison: of the locked losses with those; None without either, or where they cannot be compared.
        not_compared: why not, where that needs saying.
    """

    name: str
    file: str
    text: str
    thresholds: Thresholds
    locked: LockedPrompt | None
    changes: tuple[Change, ...]
    measured: Measured | None = None
    comparison: Comparison | None = None
    not_compared: str = ""

    @property
    def loss_before(self) -> float | None:
        """The locked loss; over the rows that both have, where the two were compared."""
        if self.comparison is not None:
            return self.comparison.loss_before
        return None if self.locked is None else self.locked.loss

    @property
    def loss_after(self) -> float | None:
        """The loss now; the locked one where nothing changed."""
        if self.comparison is not None:
            return self.comparison.loss_after
        if self.measured is not None:
            return self.measured.loss
        return self.locked.loss if self.locked is not None and not self.changes else None

    @property
    def unit(self) -> str:
        """The unit of its losses."""
        if self.measured is not None:
            return self.measured.unit
        return "" if self.locked is None else self.locked.unit

    @property
    def is_worse(self) -> bool:
        """The loss rose by more than the tolerance, and by more than chance."""
        return self.comparison is not None and self.comparison.has_risen(self.thresholds)

    @property
    def is_better(self) -> bool:
        """The loss fell by more than chance."""
        return self.comparison is not None and self.comparison.has_fallen(self.thresholds)

    @property
    def is_too_high(self) -> bool:
        """The loss is above ``thresholds.max_loss``."""
        loss, most = self.loss_after, self.thresholds.max_loss
        return loss is not None and most is not None and loss > most

    @property
    def passes(self) -> bool:
        """Whether the check succeeds for it."""
        return not (self.changes or self.is_worse or self.is_too_high)


def changes_of(locked: LockedPrompt | None, now: Fingerprint, models: Models | None) -> tuple[Change, ...]:
    """Why the lock is stale for a prompt.

    Args:
        locked: its entry, if it has one.
        now: its fingerprint now.
        models: what its target models are now, by name; None when nobody was asked.
    """
    if locked is None:
        return (Change("unlocked", "it is not in the lock"),)
    causes: tuple[Cause, ...] = ("prompt", "data", "scoring")
    changed = [Change(cause, _WORDS[cause]) for cause in causes if getattr(locked, cause) != getattr(now, cause)]
    return (*changed, *(() if models is None else _model_changes(locked.models, models)))


def notes_of(locked: LockedPrompt | None, now: Fingerprint) -> tuple[str, ...]:
    """What changed and leaves the losses as they are: worth a refresh, and no reason to fail."""
    if locked is None:
        return ()
    notes = []
    if locked.search != now.search:
        notes.append("the settings of the search changed")
    if locked.meta_prompts != now.meta_prompts:
        notes.append("the texts that ask the rewriter changed")
    return tuple(notes)


def is_comparable(changes: tuple[Change, ...], locked: LockedPrompt | None, models: Models) -> bool:
    """Whether new losses may stand beside the locked ones: the same objective, under models of the same names."""
    if locked is None or any(change.cause == "scoring" for change in changes):
        return False
    return {name: view.model for name, view in locked.models.items()} == {
        name: view.model for name, view in models.items()
    }


def with_measurement(standing: Standing, measured: Measured, models: Models, seed: int) -> Standing:
    """``standing`` with its losses now, compared with the locked ones where that says something."""
    comparison, reason = None, ""
    if standing.locked is not None and not is_comparable(standing.changes, standing.locked, models):
        reason = "its losses are of another objective or another model, so they are not compared"
    elif standing.locked is not None:
        try:
            comparison = compared(standing.locked.losses, measured, seed)
        except NotComparableError as error:
            reason = error.message
    return Standing(
        name=standing.name,
        file=standing.file,
        text=standing.text,
        thresholds=standing.thresholds,
        locked=standing.locked,
        changes=standing.changes,
        measured=measured,
        comparison=comparison,
        not_compared=reason,
    )


def _model_changes(locked: Models, now: Models) -> tuple[Change, ...]:
    if set(locked) != set(now):
        return (Change("model", f"the target models are {_names(now)} and were {_names(locked)}"),)
    changes = []
    for name, view in now.items():
        before, after = locked[name].model_dump(), view.model_dump()
        parts = [f"{key} is {after[key]} and was {before[key]}" for key in after if after[key] != before[key]]
        if parts:
            changes.append(Change("model", f"the model {name!r} changed: {', '.join(parts)}"))
    return tuple(changes)


def _names(models: Models) -> str:
    return ", ".join(sorted(models))
