"""Tracks: events gathered by candidate, so that each has one line of everything that was told about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pmpo.contracts.candidates import Fate
from pmpo.optim.events import (
    Candidate,
    CandidateDropped,
    CandidateProposed,
    CandidateScored,
    Event,
    IncumbentAccepted,
    SearchFinished,
    SearchRestarted,
    SearchStarted,
)

ScoredBy = Literal["loss", "accuracy"]
ByRow = dict[int, float]


@dataclass(slots=True)
class Track:
    """What became of one candidate. Losses are the job's objective, errors 0 or 1; by row number of the train file.

    ``validation_*`` stand in the order of the validation set, empty where it was not scored there.
    """

    candidate: Candidate
    number: int
    iteration: int
    fate: Fate = "open"
    reason: str = ""
    detail: str = ""
    decided_in: int | None = None
    train_losses: ByRow = field(default_factory=dict)
    train_errors: ByRow = field(default_factory=dict)
    validation_losses: tuple[float, ...] = ()
    validation_errors: tuple[float, ...] = ()
    train_loss: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None


class Tracks:
    """All candidates of a run, in the order in which they came, and which of them is the best.

    Args:
        events: all events that there are, in order.
        scored_by: what the losses in CandidateScored and CandidateDropped are: losses, or errors under accuracy.
    """

    def __init__(self, events: Sequence[Event], scored_by: ScoredBy) -> None:
        self._by_id: dict[int, Track] = {}
        self._scored_by = scored_by
        self.best_id = 0
        for event in events:
            self._take(event)

    def __iter__(self) -> Iterator[Track]:
        return iter(self._by_id.values())

    def __getitem__(self, candidate_id: int) -> Track:
        return self._by_id[candidate_id]

    def __len__(self) -> int:
        return len(self._by_id)

    def _take(self, event: Event) -> None:
        match event:
            case SearchStarted():
                self._start(event)
            case CandidateProposed(candidate=candidate):
                self._by_id[candidate.id] = Track(candidate, event.number, event.iteration)
            case CandidateScored():
                track = self._by_id[event.candidate_id]
                cells = track.train_losses if self._scored_by == "loss" else track.train_errors
                cells.update(zip(event.indices, event.losses, strict=True))
            case CandidateDropped():
                self._drop(event)
            case IncumbentAccepted():
                self._accept(event)
            case SearchRestarted():
                self._restart(event)
            case SearchFinished(result=result):
                self.best_id = result.best.id

    def _start(self, event: SearchStarted) -> None:
        track = Track(event.seed, event.number, 0, "seed", decided_in=0)
        track.train_losses.update(zip(event.train_indices, event.train_losses, strict=True))
        if event.train_errors:
            track.train_errors.update(zip(event.train_indices, event.train_errors, strict=True))
        self._by_id[event.seed.id] = track
        self._stand(track, event)

    def _drop(self, event: CandidateDropped) -> None:
        track = self._by_id[event.candidate_id]
        track.fate, track.reason, track.detail = "dropped", event.reason, event.detail
        track.decided_in = event.iteration
        if self._scored_by == "loss":
            track.validation_losses = event.validation_losses
        else:
            track.validation_errors = event.validation_losses

    def _accept(self, event: IncumbentAccepted) -> None:
        candidate = event.candidate
        known = self._by_id.get(candidate.id)
        track = known or Track(candidate, event.number, event.iteration)
        if known is None:
            track.reason, track.detail = "demonstration", f"row {candidate.example_index} was added as a worked example"
        self._by_id[candidate.id] = track
        track.candidate, track.fate, track.decided_in = candidate, "accepted", event.iteration
        track.train_losses.update(zip(event.train_indices, event.train_losses, strict=True))
        self._stand(track, event)
        self.best_id = candidate.id if event.is_best else self.best_id

    def _restart(self, event: SearchRestarted) -> None:
        track = self._by_id[event.candidate.id]
        before = f"a runner-up of round {track.decided_in}, when it was dropped ({track.reason}: {track.detail})"
        track.fate, track.reason, track.detail = "accepted", "restart", before
        track.decided_in = event.iteration
        self._stand(track, event)
        self.best_id = event.candidate.id if event.is_best else self.best_id

    def _stand(self, track: Track, event: SearchStarted | IncumbentAccepted | SearchRestarted) -> None:
        """The search stands on it: what the event tells of its losses."""
        track.train_loss, track.validation_loss = event.train_loss, event.validation_loss
        track.validation_accuracy = event.validation_accuracy
        track.validation_losses = event.validation_losses
