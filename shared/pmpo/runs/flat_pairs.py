"""Flat pairs on the wire: training rows that did not tell the scored prompts apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from pmpo.contracts.jobs import FlatPairView
from pmpo.contracts.objectives import ObjectiveSpec
from pmpo.optim.events import CandidateScored, Event, IncumbentAccepted, SearchStarted
from pmpo.optim.variance import flat_pairs


def flat_pair_views(events: Sequence[Event], objective: ObjectiveSpec) -> list[FlatPairView]:
    """Rows whose preference probability hardly varied over the prompts; none where a loss is no preference."""
    if objective.kind == "supervised":
        return []
    losses: dict[int, list[float]] = {}
    for row, loss in _losses(events):
        losses.setdefault(row, []).append(loss)
    return [FlatPairView(**asdict(pair)) for pair in flat_pairs(losses)]


def _losses(events: Sequence[Event]) -> Iterator[tuple[int, float]]:
    """Rows and losses that the events tell; what rivals that are scored by accuracy tell of candidates are errors."""
    are_losses = True
    for event in events:
        if isinstance(event, SearchStarted):
            are_losses = not event.train_errors
            yield from zip(event.train_indices, event.train_losses, strict=True)
        elif isinstance(event, CandidateScored) and are_losses:
            yield from zip(event.indices, event.losses, strict=True)
        elif isinstance(event, IncumbentAccepted):
            yield from zip(event.train_indices, event.train_losses, strict=True)
