"""The report of a run on the wire: every candidate with its losses and its fate, and what led from seed to winner."""

from __future__ import annotations

from typing import Literal

from pmpo.contracts.candidates import CandidateView, Fate
from pmpo.contracts.jobs import FlatPairView, JobFailure, JobState, ModelView, SplitSizes, TestView, WebhookView
from pmpo.contracts.modes import CompressionView, DemonstrationsView
from pmpo.contracts.objectives import ObjectiveView
from pmpo.contracts.sections import Strict


class UseView(Strict):
    """What was used of something, and its cap in the job's budget, null without one."""

    used: float
    cap: float | None


class BudgetUse(Strict):
    """Use against caps. ``money`` is null where the models have no prices; ``computed_tokens`` has no cap."""

    scored_tokens: UseView
    generated_tokens: UseView
    seconds: UseView
    money: UseView | None
    computed_tokens: int


class RowLosses(Strict):
    """The test row by row: row numbers of the test set's file, and both prompts' losses there."""

    rows: list[int]
    before: list[float]
    after: list[float]


class OutcomeView(Strict):
    """Where a run ended, or where it stands.

    ``*_before`` are the first seed prompt's; ``*_after`` those of the result, or of the best prompt so far. The verdict
    and the test are null where the run has not come to its end, ``stop_reason`` as long as it goes on.
    """

    verdict: Literal["confirmed", "unconfirmed", "untested"] | None
    stop_reason: str | None
    detail: str
    prompt_before: str
    prompt_after: str
    best_id: int
    tokens_before: int | None
    tokens_after: int | None
    train_loss_before: float | None
    train_loss_after: float | None
    validation_loss_before: float | None
    validation_loss_after: float | None
    validation_accuracy_before: float | None
    validation_accuracy_after: float | None
    test: TestView | None
    test_losses: RowLosses | None
    num_iterations: int
    max_iterations: int
    num_accepted: int
    num_restarts: int
    num_seeds: int


class CurvePoint(Strict):
    """The incumbent after a round, and what was spent until then; round 0 is the first seed prompt."""

    iteration: int
    accepted: bool
    train_loss: float
    validation_loss: float
    scored_tokens: int | None
    generated_tokens: int | None


class DiffPiece(Strict):
    """Text that stayed, went or came, in reading order."""

    op: Literal["equal", "delete", "insert"]
    text: str


class LineageStep(Strict):
    """A candidate on the way from a seed prompt to the result, with its word diff from the step before."""

    candidate_id: int
    iteration: int
    example_row: int | None
    prompt: str
    num_tokens: int | None
    train_loss: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    diff: list[DiffPiece]


class UnitView(Strict):
    """A part of a prompt (``start`` and ``end`` in code points) and the rise of the training loss without it."""

    text: str
    start: int
    end: int
    delta: float
    standard_error: float


class UnitsView(Strict):
    """One mask analysis. ``source`` says who found the units; ``detail`` why the model's were not used."""

    iteration: int
    candidate_id: int
    source: Literal["rule", "model"]
    detail: str
    units: list[UnitView]


class CorrelationView(Strict):
    """Spearman's rank correlation of validation loss and validation accuracy.

    Attributes:
        num_candidates: prompts that have both: the ones that the search stood on, in a job with a metric.
        spearman: -1 when lower losses always went with better answers; null where it is not defined.
        sentence: what the number allows to say, few candidates included.
    """

    num_candidates: int
    spearman: float | None
    sentence: str


class DemonstrationStep(Strict):
    """One step of the choice of demonstrations: training rows that were tried as the next one; null: none helped."""

    step: int
    rows: list[int]
    validation_losses: list[float]
    chosen_row: int | None


class ReportView(Strict):
    """``GET /v1/jobs/{id}/report``: all that a run has told, also of one that runs, failed or was cancelled.

    Attributes:
        is_partial: the run has not come to its end; ``note`` says so in a sentence.
        model: the model that every score came from; null before the end.
        scored_by: what candidates are compared by: PMPO's always by ``loss``, those of some rivals by ``accuracy``.
        candidates: every one, and every refused rewrite, in the order in which they came.
        lineage: from a seed prompt to the result.
        units: the mask analyses, in order.
        flat_pairs: training rows whose preference probability hardly varied over the prompts.
    """

    job_id: str
    name: str
    kind: str
    algorithm: str
    state: JobState
    attempts: int
    is_partial: bool
    note: str
    failure: JobFailure | None
    warnings: list[str]
    splits: SplitSizes
    objective: ObjectiveView
    scored_by: Literal["loss", "accuracy"]
    model: ModelView | None
    outcome: OutcomeView
    budget: BudgetUse
    curve: list[CurvePoint]
    candidates: list[CandidateView]
    counts: dict[Fate, int]
    lineage: list[LineageStep]
    units: list[UnitsView]
    correlation: CorrelationView
    flat_pairs: list[FlatPairView]
    demonstrations: DemonstrationsView | None
    demonstration_steps: list[DemonstrationStep]
    compression: CompressionView | None
    webhook: WebhookView | None = None
