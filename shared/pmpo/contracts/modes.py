"""What the modes beside the plain search are told, and what they add to a result."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JobKind = Literal["optimize", "compress", "rationalize", "evaluate"]
KINDS_WITH_A_WINNER: frozenset[str] = frozenset({"optimize", "compress"})  # the others compare no candidates
MAX_LOSS = 1e9  # of what is compared with losses: sums of many stay finite
Metric = Literal["exact_match", "contains", "final_answer", "number", "option"]


class ModeModel(BaseModel):
    """Frozen; unknown keys are refused, and so are numbers that JSON does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CompressSpec(ModeModel):
    """The section ``compress`` of a job of that kind. Limits are in the loss's unit, nats per target token by default.

    Attributes:
        epsilon: a unit may go when the training loss rises by at most this without it.
        tolerance: how far the validation loss may end above the whole prompt's, over all deletions together.
        margin: the rise of the test loss that would still be "not worse": what the verdict is about.
        max_units: into how many units the prompt is cut at most.
    """

    epsilon: Annotated[float, Field(ge=-MAX_LOSS, le=MAX_LOSS)] = 0.01
    tolerance: Annotated[float, Field(ge=0, le=MAX_LOSS)] = 0.01
    margin: Annotated[float, Field(gt=0, le=MAX_LOSS)] = 0.05
    max_units: Annotated[int, Field(ge=1, le=200)] = 40


class FewShotSpec(ModeModel):
    """The section ``optimizer.few_shot``: demonstrations are chosen among so many rows of train, at most so many."""

    max_demonstrations: Annotated[int, Field(ge=1, le=16)] = 5
    candidates: Annotated[int, Field(ge=1, le=50)] = 12


class DemonstrationsView(ModeModel):
    """The rows of train that stand in the final prompt; ``detail`` says why there are no more."""

    rows: list[int]
    num_tried: int
    validation_loss_before: float
    validation_loss_after: float
    detail: str


class RationalizeSpec(ModeModel):
    """The section ``rationalize`` of a job of that kind: so many texts a row, of at most so many tokens."""

    samples: Annotated[int, Field(ge=1, le=64)] = 4
    max_tokens: Annotated[int, Field(ge=1, le=8_192)] = 256
    temperature: Annotated[float, Field(gt=0, le=2)] = 0.8
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95


class RowWithoutRationale(ModeModel):
    """A row that got none: its number in the train data, and what became of its samples."""

    row: int
    detail: str


class RationalesView(ModeModel):
    """``GET /v1/jobs/{id}/result`` of a rationalize job: a data set.

    Attributes:
        rows: the rows that got a rationale, in order, with it and the answer as their target; other keys as they were.
        row_numbers: their numbers (from 0) in the train data.
        without: every other row.
        verdict: always ``untested``: nothing is compared.
        datasets: the id of each given set by its content, as in ``JobView``.
    """

    job_id: str
    name: str
    stop_reason: str
    verdict: Literal["untested"] = "untested"
    datasets: dict[str, str] = Field(default_factory=dict)
    rows: list[dict[str, Any]]
    row_numbers: list[int]
    without: list[RowWithoutRationale]
    samples: int
    generated_tokens: int
    seconds: float
    repeated_tokens: int = 0


class UnitFateView(ModeModel):
    """What became of one unit; ``reason`` says why it stays and is empty when it was deleted."""

    text: str
    importance: float
    is_deleted: bool
    num_tokens: int
    train_loss: float | None
    validation_loss: float | None
    reason: str


class CompressionView(ModeModel):
    """How a prompt became shorter: the limits, its tokens before and after, and every unit."""

    epsilon: float
    tolerance: float
    margin: float
    tokens_before: int
    tokens_after: int
    units: list[UnitFateView]
