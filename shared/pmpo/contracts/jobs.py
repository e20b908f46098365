"""Jobs on the wire: what a client posts, what it polls, what it gets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pmpo.contracts.modes import (
    CompressionView,
    CompressSpec,
    DemonstrationsView,
    FewShotSpec,
    JobKind,
    Metric,
    RationalizeSpec,
)

JobState = Literal["queued", "running", "paused", "cancelling", "succeeded", "failed", "cancelled"]
FINAL_STATES: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})
MAX_INLINE_ROWS = 1_000

Row = dict[str, Any]


class Strict(BaseModel):
    """Frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InlineDataset(Strict):
    """Rows in the request itself, at most 1,000 in all. ``validation`` and ``test`` are cut when absent."""

    train: Annotated[list[Row], Field(min_length=1)]
    validation: list[Row] | None = None
    test: list[Row] | None = None


class FieldNames(Strict):
    """Which key of a row holds what."""

    input: str = "input"
    target: str = "target"


class ObjectiveSpec(Strict):
    """What counts as better."""

    kind: Literal["supervised"] = "supervised"
    normalize: Literal["token_mean"] = "token_mean"
    combine: Literal["mean", "worst"] = "mean"


class OptimizerSpec(Strict):
    """The search's own settings."""

    algorithm: Literal["pmpo"] = "pmpo"
    iterations: Annotated[int, Field(ge=0, le=200)] = 20
    hard_examples: Annotated[int, Field(ge=1, le=20)] = 3
    variants: Annotated[int, Field(ge=1, le=20)] = 4
    patience: Annotated[int, Field(ge=1, le=200)] = 6
    selection: Literal["halving"] = "halving"
    min_delta: Annotated[float, Field(ge=0)] = 1e-4
    target_loss: Annotated[float, Field(ge=0)] | None = None
    temperature: Annotated[float, Field(gt=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    few_shot: FewShotSpec | None = None


class ModelNames(Strict):
    """Names from the operator's endpoint table. Of several targets the first one also generates answers."""

    target: str | Annotated[list[str], Field(min_length=1, max_length=8)] = "default"
    rewriter: str = "default"

    @property
    def targets(self) -> tuple[str, ...]:
        """The target's name, or the names of all of them, in order."""
        return (self.target,) if isinstance(self.target, str) else tuple(self.target)


class ConstraintsSpec(Strict):
    """What every rewrite must hold."""

    max_prompt_tokens: Annotated[int, Field(ge=1, le=100_000)] = 600
    protect: list[str] = []
    anchors: list[int] = []


class BudgetSpec(Strict):
    """Caps; a cap is never exceeded."""

    scored_tokens: Annotated[int, Field(ge=1)] | None = None
    generated_tokens: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None


class JobSpec(Strict):
    """``POST /v1/jobs``: a job file with its data inside."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = "job"
    kind: JobKind = "optimize"
    prompt: Annotated[str, Field(min_length=1, max_length=200_000)]
    task: Annotated[str, Field(max_length=10_000)] = ""
    dataset: InlineDataset
    fields: FieldNames = FieldNames()
    objective: ObjectiveSpec = ObjectiveSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    compress: CompressSpec | None = None
    rationalize: RationalizeSpec | None = None
    models: ModelNames = ModelNames()
    constraints: ConstraintsSpec = ConstraintsSpec()
    budget: BudgetSpec = BudgetSpec()
    metric: Metric | None = "exact_match"
    max_answer_tokens: Annotated[int, Field(ge=1, le=4_096)] = 64
    queue: Literal["interactive", "overnight"] = "interactive"
    seed: Annotated[int, Field(ge=0)] = 0


class SplitSizes(Strict):
    """Rows in each set. ``unused`` rows were left over."""

    train: int
    validation: int
    test: int
    unused: int = 0


class Progress(Strict):
    """Where a running job stands; losses are the incumbent's, in nats per target token."""

    iteration: int = 0
    max_iterations: int = 0
    train_loss_before: float | None = None
    train_loss: float | None = None
    validation_loss: float | None = None
    scored_tokens: int = 0
    computed_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0


class JobFailure(Strict):
    """Why a job failed: the code of an error class, and its sentence."""

    code: str
    message: str
    retryable: bool = False


class JobView(Strict):
    """``GET /v1/jobs/{id}``."""

    id: str
    name: str
    kind: str
    state: JobState
    created_at: float
    updated_at: float
    attempts: int = 0
    splits: SplitSizes
    warnings: list[str] = []
    progress: Progress = Progress()
    failure: JobFailure | None = None
    stop_reason: str | None = None
    verdict: str | None = None
    best_prompt: str


class JobsPage(Strict):
    """``GET /v1/jobs``: newest first."""

    jobs: list[JobView]


class EventView(Strict):
    """One event: ``kind`` is the event's class in snake case, ``data`` its fields."""

    number: int
    kind: str
    data: dict[str, Any]


class EventsPage(Strict):
    """``GET /v1/jobs/{id}/events?after=K``: events with numbers above K, in order."""

    events: list[EventView]
    last: int
    state: JobState


class TestView(Strict):
    """The paired test of the final prompt against the seed prompt (losses in nats per target token)."""

    num_examples: int
    loss_before: float
    loss_after: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    accuracy_before: float | None
    accuracy_after: float | None


class RejectionView(Strict):
    """A prompt that was refused or lost, and why."""

    prompt: str
    reason: str
    detail: str
    iteration: int


class ModelView(Strict):
    """The model that every score came from."""

    model: str
    revision: str
    dtype: str
    engine: str


class ResultView(Strict):
    """``GET /v1/jobs/{id}/result``."""

    job_id: str
    name: str
    stop_reason: str
    verdict: Literal["confirmed", "unconfirmed", "untested"]
    prompt_before: str
    prompt_after: str
    train_loss_before: float
    train_loss_after: float
    validation_loss_before: float
    validation_loss_after: float
    test: TestView | None
    num_iterations: int
    num_accepted: int
    num_candidates: int
    rejected: list[RejectionView]
    splits: SplitSizes
    scored_tokens: int
    computed_tokens: int
    generated_tokens: int
    seconds: float
    model: ModelView | None
    detail: str = ""
    compression: CompressionView | None = None
    demonstrations: DemonstrationsView | None = None


class JobCreated(Strict):
    """The answer to ``POST /v1/jobs``."""

    id: str
    state: JobState
    splits: SplitSizes
    warnings: list[str] = []
