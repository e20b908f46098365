"""What a search tells its caller, in order: frozen, numbered from 1, enough to rebuild everything that happened."""

from __future__ import annotations

from dataclasses import dataclass

from pmpo.optim.mode_events import (
    DemonstrationsScored,
    EvaluationFinished,
    HardRow,
    PromptEvaluated,
    RationalesFinished,
    RowRationalized,
)
from pmpo.optim.mode_results import Compression, Demonstrations
from pmpo.optim.records import Candidate, Spent, StopReason, TestComparison, UnitSource, Verdict
from pmpo.optim.types import UnitImportance

__all__ = [
    "Candidate",
    "CandidateDropped",
    "CandidateProposed",
    "CandidateScored",
    "DemonstrationsScored",
    "EvaluationFinished",
    "Event",
    "HardExamplesChosen",
    "HardRow",
    "IncumbentAccepted",
    "IterationFinished",
    "IterationStarted",
    "PromptEvaluated",
    "RationalesFinished",
    "RewriteRejected",
    "RowRationalized",
    "SearchFinished",
    "SearchRestarted",
    "SearchResult",
    "SearchStarted",
    "Spent",
    "StopReason",
    "TestComparison",
    "UnitSource",
    "UnitsMeasured",
    "Verdict",
]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """How a search ended. Losses are means over examples, in the unit of the objective.

    ``seed`` is the first seed prompt, which ``best`` is compared with.
    """

    stop_reason: StopReason
    verdict: Verdict
    best: Candidate
    seed: Candidate
    num_iterations: int
    num_accepted: int
    train_loss_before: float
    train_loss_after: float
    validation_loss_before: float
    validation_loss_after: float
    test: TestComparison | None
    spent: Spent
    detail: str = ""
    num_restarts: int = 0
    num_seeds: int = 1
    compression: Compression | None = None
    demonstrations: Demonstrations | None = None


@dataclass(frozen=True, slots=True)
class SearchStarted:
    """The first seed prompt was scored on the training and the validation set.

    ``train_losses`` belong to the rows ``train_indices``; ``validation_losses`` stand in the order of the validation
    set. ``train_errors`` are there for a rival that is scored by accuracy: 0.0 is a right answer, 1.0 a wrong one.
    """

    number: int
    seed: Candidate
    num_train: int
    num_validation: int
    num_test: int
    max_iterations: int
    train_loss: float
    validation_loss: float
    train_losses: tuple[float, ...]
    train_indices: tuple[int, ...]
    validation_accuracy: float | None = None
    validation_losses: tuple[float, ...] = ()
    train_errors: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class IterationStarted:
    """``iteration`` counts from 1."""

    number: int
    iteration: int
    incumbent_id: int
    train_loss: float
    spent: Spent


@dataclass(frozen=True, slots=True)
class UnitsMeasured:
    """The mask analysis of the incumbent.

    ``source`` says who found the units; ``detail`` why the model's were not used, when they were asked for.
    """

    number: int
    iteration: int
    candidate_id: int
    importances: tuple[UnitImportance, ...]
    source: UnitSource = "rule"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HardExamplesChosen:
    """Row numbers of the training examples that the rewriter sees, hardest first, with their losses."""

    number: int
    iteration: int
    indices: tuple[int, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RewriteRejected:
    """A rewrite that a guard refused before it was scored. ``text`` is what the model wrote.

    ``example_index`` is None where no single example was shown (some of ``pmpo.baselines``).
    """

    number: int
    iteration: int
    example_index: int | None
    text: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class CandidateProposed:
    """A rewrite that passed the guards."""

    number: int
    iteration: int
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class CandidateScored:
    """A candidate's losses on the training examples of one rung, by row number.

    Of a rival that is scored by accuracy they are errors: 0.0 is a right answer, 1.0 a wrong one.
    """

    number: int
    iteration: int
    rung: int
    candidate_id: int
    indices: tuple[int, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CandidateDropped:
    """Why a candidate is out: selection, train_loss, validation_loss, anchor, too_long or budget.

    ``validation_losses`` are there when it was scored on the validation set, in that set's order; of a rival that is
    scored by accuracy they are errors, as in CandidateScored.
    """

    number: int
    iteration: int
    candidate_id: int
    reason: str
    detail: str
    validation_losses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class IncumbentAccepted:
    """A candidate became the incumbent.

    In iteration 0 it is one of several seed prompts. ``is_best`` is False after a restart, for as long as an earlier
    incumbent is the better one. ``validation_losses`` stand in the order of the validation set. ``train_losses`` belong
    to the rows ``train_indices``, and are there only when no CandidateScored has told them.
    """

    number: int
    iteration: int
    candidate: Candidate
    train_loss: float
    validation_loss: float
    validation_accuracy: float | None = None
    is_best: bool = True
    validation_losses: tuple[float, ...] = ()
    train_indices: tuple[int, ...] = ()
    train_losses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchRestarted:
    """Patience ran out and the search goes on from another known candidate, whose training loss may be higher.

    ``restart`` counts from 1; ``left_id`` is the incumbent that was left, which stays a candidate for the result;
    ``is_best`` says that the runner-up is the better one even so (selection looked at training losses alone);
    ``validation_losses`` stand in the order of the validation set.
    """

    number: int
    iteration: int
    restart: int
    left_id: int
    candidate: Candidate
    train_loss: float
    validation_loss: float
    validation_accuracy: float | None = None
    is_best: bool = False
    validation_losses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class IterationFinished:
    """One round is over; ``train_loss`` is the incumbent's."""

    number: int
    iteration: int
    accepted: bool
    train_loss: float
    validation_loss: float
    spent: Spent


@dataclass(frozen=True, slots=True)
class SearchFinished:
    """The last event."""

    number: int
    result: SearchResult


Event = (
    SearchStarted
    | IterationStarted
    | UnitsMeasured
    | HardExamplesChosen
    | RewriteRejected
    | CandidateProposed
    | CandidateScored
    | CandidateDropped
    | IncumbentAccepted
    | SearchRestarted
    | IterationFinished
    | DemonstrationsScored
    | RowRationalized
    | RationalesFinished
    | PromptEvaluated
    | EvaluationFinished
    | SearchFinished
)
