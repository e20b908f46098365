"""Candidates of a report: every prompt that was tried or refused, with its losses and its one fate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pmpo.contracts.candidates import CandidatesPage, CandidateView, CellMeasure, Fate, RowValues, Split
from pmpo.contracts.jobs import JobState
from pmpo.optim.events import Event, RewriteRejected
from pmpo.optim.types import Example, Splits
from pmpo.runs.report.tracks import ScoredBy, Track, Tracks


@dataclass(frozen=True, slots=True)
class Page:
    """Which candidates are asked for: of one fate or of all, those with numbers above ``after``, ``limit`` at most."""

    after: int = 0
    limit: int = 100
    fate: Fate | None = None
    with_losses: bool = False


def candidates_page(
    events: Sequence[Event], splits: Splits, scored_by: ScoredBy, state: JobState, page: Page
) -> CandidatesPage:
    """One page of the candidates of a run, in the order in which they came.

    Args:
        events: all events that there are, in order.
        splits: the job's sets.
        scored_by: see ``Tracks``.
        state: the job's.
        page: which of them.
    """
    everyone = candidate_views(events, splits, Tracks(events, scored_by), with_losses=page.with_losses)
    wanted = [view for view in everyone if page.fate in (None, view.fate) and view.number > page.after]
    shown = wanted[: page.limit]
    return CandidatesPage(
        candidates=shown,
        next=shown[-1].number if len(wanted) > len(shown) else None,
        counts=counted(everyone),
        state=state,
    )


def counted(views: Sequence[CandidateView]) -> dict[Fate, int]:
    """How many there are of each fate; fates that nobody has are left out."""
    return dict(Counter(view.fate for view in views))


def candidate_views(
    events: Sequence[Event], splits: Splits, tracks: Tracks, *, with_losses: bool
) -> list[CandidateView]:
    """Every candidate and every refused rewrite, in the order of their events."""
    rows = _Rows(splits)
    refused = [_refused(event) for event in events if isinstance(event, RewriteRejected)]
    scored = [_view(track, rows, is_best=track.candidate.id == tracks.best_id) for track in tracks]
    if with_losses:
        losses = {track.number: row_values(track, rows.validation) for track in tracks}
        scored = [view.model_copy(update={"losses": losses[view.number]}) for view in scored]
        refused = [view.model_copy(update={"losses": []}) for view in refused]
    return sorted([*refused, *scored], key=lambda view: view.number)


def row_values(track: Track, validation: Sequence[Example]) -> list[RowValues]:
    """All that is known of a candidate row by row; rows rise."""
    gate = [example.index for example in validation]
    found = [
        _by_row("train", "loss", track.train_losses),
        _by_row("train", "error", track.train_errors),
        _by_row("validation", "loss", _in_order(gate, track.validation_losses)),
        _by_row("validation", "error", _in_order(gate, track.validation_errors)),
    ]
    return [values for values in found if values.rows]


def _by_row(split: Split, measure: CellMeasure, cells: Mapping[int, float]) -> RowValues:
    rows = sorted(cells)
    return RowValues(split=split, measure=measure, rows=rows, values=[cells[row] for row in rows])


def _in_order(rows: Sequence[int], values: Sequence[float]) -> dict[int, float]:
    """Nothing where nothing was measured."""
    return dict(zip(rows, values, strict=True)) if values else {}


class _Rows:
    """The weights of a job's rows."""

    def __init__(self, splits: Splits) -> None:
        self.validation = splits.validation
        self.train_weights = {example.index: example.weight for example in splits.train}
        self.validation_weights = {place: example.weight for place, example in enumerate(splits.validation)}


def _view(track: Track, rows: _Rows, *, is_best: bool) -> CandidateView:
    candidate = track.candidate
    return CandidateView(
        number=track.number,
        id=candidate.id,
        parent_id=candidate.parent_id,
        iteration=track.iteration,
        example_row=candidate.example_index,
        prompt=candidate.prompt,
        num_tokens=candidate.num_tokens,
        fate=track.fate,
        reason=track.reason,
        detail=track.detail,
        decided_in=track.decided_in,
        is_best=is_best,
        num_train=max(len(track.train_losses), len(track.train_errors)),
        train_loss=_told(track.train_loss, track.train_losses, rows.train_weights),
        validation_loss=_told(track.validation_loss, dict(enumerate(track.validation_losses)), rows.validation_weights),
        train_accuracy=_right(list(track.train_errors.values())),
        validation_accuracy=_told_share(track.validation_accuracy, track.validation_errors),
    )


def _refused(event: RewriteRejected) -> CandidateView:
    return CandidateView(
        number=event.number,
        id=None,
        parent_id=None,
        iteration=event.iteration,
        example_row=event.example_index,
        prompt=event.text,
        num_tokens=None,
        fate="refused",
        reason=event.reason,
        detail=event.detail,
        decided_in=event.iteration,
        is_best=False,
        num_train=0,
        train_loss=None,
        validation_loss=None,
        train_accuracy=None,
        validation_accuracy=None,
    )


def _told(told: float | None, losses: Mapping[int, float], weights: Mapping[int, float]) -> float | None:
    """The mean that an event told, else equation 4 over the rows that are known."""
    if told is not None:
        return told
    total = sum(weights[row] for row in losses)
    return sum(weights[row] * loss for row, loss in losses.items()) / total if total else None


def _told_share(told: float | None, errors: Sequence[float]) -> float | None:
    return told if told is not None else _right(errors)


def _right(errors: Sequence[float]) -> float | None:
    """The share of right answers."""
    return 1.0 - sum(errors) / len(errors) if errors else None
