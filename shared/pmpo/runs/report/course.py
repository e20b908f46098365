"""The course of a run: losses round by round, the mask analyses, the choice of demonstrations."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.contracts.reports import CurvePoint, DemonstrationStep, UnitsView, UnitView
from pmpo.optim.events import (
    DemonstrationsScored,
    Event,
    IterationFinished,
    IterationStarted,
    SearchStarted,
    Spent,
    UnitsMeasured,
)


def curve(events: Sequence[Event]) -> list[CurvePoint]:
    """The first seed prompt, then the incumbent after each round."""
    before = next((event.spent for event in events if isinstance(event, IterationStarted)), None)
    points = []
    for event in events:
        if isinstance(event, SearchStarted):
            points.append(_point(0, event.train_loss, event.validation_loss, before))
        elif isinstance(event, IterationFinished):
            losses = (event.train_loss, event.validation_loss)
            points.append(_point(event.iteration, *losses, event.spent, accepted=event.accepted))
    return points


def analyses(events: Sequence[Event]) -> list[UnitsView]:
    """Every mask analysis, in order."""
    return [
        UnitsView(
            iteration=event.iteration,
            candidate_id=event.candidate_id,
            source=event.source,
            detail=event.detail,
            units=[
                UnitView(
                    text=row.unit.text,
                    start=row.unit.start,
                    end=row.unit.end,
                    delta=row.delta,
                    standard_error=row.standard_error,
                )
                for row in event.importances
            ],
        )
        for event in events
        if isinstance(event, UnitsMeasured)
    ]


def demonstration_steps(events: Sequence[Event]) -> list[DemonstrationStep]:
    """Every step of the choice of demonstrations."""
    return [
        DemonstrationStep(
            step=event.step,
            rows=list(event.rows),
            validation_losses=list(event.validation_losses),
            chosen_row=event.chosen_row,
        )
        for event in events
        if isinstance(event, DemonstrationsScored)
    ]


def _point(
    iteration: int, train: float, validation: float, spent: Spent | None, *, accepted: bool = False
) -> CurvePoint:
    return CurvePoint(
        iteration=iteration,
        accepted=accepted,
        train_loss=train,
        validation_loss=validation,
        scored_tokens=None if spent is None else spent.scored_tokens,
        generated_tokens=None if spent is None else spent.generated_tokens,
    )
