"""The result of an evaluate job on the wire: what each prompt is worth, as it stands."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pmpo.contracts.jobdata import SetName
from pmpo.contracts.jobs import ModelView, TestView
from pmpo.contracts.objectives import ObjectiveView
from pmpo.contracts.sections import DatasetId, Strict


class HardRowView(Strict):
    """A row (its number in the measured set) with its loss, and the first 300 characters of its texts.

    ``wanted`` is the known answer; ``answer`` the model's and ``grade`` (1.0 is right) are null without a metric.
    """

    row: int
    loss: float
    input: str
    wanted: str
    answer: str | None
    grade: float | None


class EvaluatedPrompt(Strict):
    """One prompt on every row. Losses are in the unit of the job's objective.

    Attributes:
        num_tokens: of the prompt alone.
        loss, standard_error: the mean over the rows (each with its weight), and the standard error of that mean.
        accuracy: the share of answers that are right, each counted once whatever its row weighs; null in a job
            without a metric.
        preferred: the share of rows whose right answer is likelier than those that stand with it; null for one target.
        rows, losses, grades: row numbers with the loss and the grade (1.0 is right) of each; ``grades`` may be null.
        hardest: at most 20 rows: those that were answered wrong, then the others, each by falling loss.
        comparison: the paired test of this prompt against the first: ``before`` is the first prompt's. Its one-sided p
            value says how often chance alone would make this prompt look so much better; it is not corrected for the
            number of prompts. Null for the first prompt, and on fewer than 5 rows.
    """

    prompt: str
    num_tokens: int
    loss: float
    standard_error: float
    accuracy: float | None
    preferred: float | None
    rows: list[int]
    losses: list[float]
    grades: list[float] | None
    hardest: list[HardRowView]
    comparison: TestView | None


class EvaluationView(Strict):
    """``GET /v1/jobs/{id}/result`` of an evaluate job.

    Attributes:
        measured_set: the set whose rows were measured: ``test`` where the job names one, else ``train``.
        prompts: those that were measured, in the job's order, each text once.
        not_evaluated: prompts that the budget had no room for.
        verdict: always ``untested``: nothing was searched for; see each prompt's ``comparison``.
        money: null where the models have no prices.
    """

    job_id: str
    name: str
    stop_reason: str
    verdict: Literal["untested"] = "untested"
    measured_set: SetName
    num_rows: int
    prompts: list[EvaluatedPrompt]
    not_evaluated: list[str] = Field(default_factory=list)
    objective: ObjectiveView
    model: ModelView | None
    datasets: dict[SetName, DatasetId] = Field(default_factory=dict)
    scored_tokens: int
    computed_tokens: int
    generated_tokens: int
    seconds: float
    money: float | None = None
    repeated_tokens: int = 0
