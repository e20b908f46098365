"""What jobs tell that do more than search, or something else: demonstrations, rationales, evaluations."""

from __future__ import annotations

from dataclasses import dataclass

from pmpo.optim.records import Spent, StopReason, TestComparison


@dataclass(frozen=True, slots=True)
class DemonstrationsScored:
    """One step of the choice of demonstrations: every row that was tried as the next one.

    ``validation_losses`` are means, ``losses`` (rows, validation) are the examples'. ``chosen_row`` is None when none
    helped.
    """

    number: int
    step: int
    rows: tuple[int, ...]
    validation_losses: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]
    chosen_row: int | None


@dataclass(frozen=True, slots=True)
class RowRationalized:
    """A row of a rationalize job. ``target`` is its new target, None without a right rationale; ``detail`` says why."""

    number: int
    row: int
    target: str | None
    num_right: int
    num_sampled: int
    detail: str


@dataclass(frozen=True, slots=True)
class RationalesFinished:
    """The last event of a rationalize job."""

    number: int
    stop_reason: StopReason
    num_rows: int
    num_right: int
    spent: Spent


@dataclass(frozen=True, slots=True)
class HardRow:
    """A row to look at: its number, its loss, the beginnings of its input, of the wanted answer and of the model's.

    ``answer`` and ``grade`` (1.0 is right) are None without a metric.
    """

    row: int
    loss: float
    input: str
    wanted: str
    answer: str | None
    grade: float | None


@dataclass(frozen=True, slots=True)
class PromptEvaluated:
    """A prompt of an evaluate job was measured on every row.

    Attributes:
        place: its place among the job's ``num_prompts`` different prompts, from 1.
        num_tokens: the prompt's alone.
        loss, standard_error: the mean over the rows, and the standard error of that mean.
        accuracy: of answers that were generated and graded; None without a metric.
        preferred: the share of rows whose right answer is the likeliest; None where there is one answer a row.
        rows, losses, grades: row numbers, and the loss and grade (1.0 right) of each; ``grades`` None without a metric.
        hardest: at most 20 rows: those that were answered wrong, then the others, each by falling loss.
        comparison: the paired test against the first prompt, without its losses row by row, which ``losses`` has; None
            for the first prompt, and on fewer than 5 rows.
    """

    number: int
    place: int
    num_prompts: int
    prompt: str
    num_tokens: int
    loss: float
    standard_error: float
    accuracy: float | None
    preferred: float | None
    rows: tuple[int, ...]
    losses: tuple[float, ...]
    grades: tuple[float, ...] | None
    hardest: tuple[HardRow, ...]
    comparison: TestComparison | None
    spent: Spent


@dataclass(frozen=True, slots=True)
class EvaluationFinished:
    """The last event of an evaluate job: ``num_evaluated`` of ``num_prompts`` were measured."""

    number: int
    stop_reason: StopReason
    num_prompts: int
    num_evaluated: int
    num_rows: int
    spent: Spent
