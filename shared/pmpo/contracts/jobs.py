"""Jobs on the wire: what a client posts, what it polls, what it gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

JobState = Literal["queued", "running", "paused", "cancelling", "succeeded", "failed", "cancelled"]
FINAL_STATES: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})
MAX_INLINE_ROWS = 1_000

Row = dict[str, Any]
Prompt = Annotated[str, Field(min_length=1, max_length=200_000)]


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


class OptimizerSpec(Strict):
    """The search's own settings.

    ``meta_prompt`` names the forms that ask the rewriter: ``small`` ones for small models to fill in, ``full`` ones for
    capable models. ``meta_prompt_text`` replaces the one that asks for rewrites; a job file names a file for it.
    """

    algorithm: Literal["pmpo"] = "pmpo"
    iterations: Annotated[int, Field(ge=1, le=200)] = 20
    hard_examples: Annotated[int, Field(ge=1, le=20)] = 3
    variants: Annotated[int, Field(ge=1, le=20)] = 4
    patience: Annotated[int, Field(ge=1, le=200)] = 6
    selection: Literal["halving"] = "halving"
    min_delta: Annotated[float, Field(ge=0)] = 1e-4
    target_loss: Annotated[float, Field(ge=0)] | None = None
    temperature: Annotated[float, Field(gt=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_rewrite_tokens: Annotated[int, Field(ge=16, le=100_000)] | None = None
    units: Literal["rule", "model"] = "rule"
    mask_mode: Literal["delete", "placeholder"] = "delete"
    max_units: Annotated[int, Field(ge=1, le=20)] = 5
    restarts: Annotated[int, Field(ge=0, le=20)] = 0
    meta_prompt: Literal["small", "full"] = "small"
    meta_prompt_text: Annotated[str, Field(max_length=100_000)] | None = None


class ModelNames(Strict):
    """Names from the operator's endpoint table."""

    target: str = "default"
    rewriter: str = "default"


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
    money: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class JobSpec(Strict):
    """``POST /v1/jobs``: a job file with its data inside.

    ``prompts`` are several seed prompts, ``prompt`` the first of them: it may be left out when ``prompts`` is there.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)] = "job"
    kind: Literal["optimize"] = "optimize"
    prompt: Prompt
    prompts: Annotated[list[Prompt], Field(max_length=20)] = []
    task: Annotated[str, Field(max_length=10_000)] = ""
    dataset: InlineDataset
    fields: FieldNames = FieldNames()
    objective: ObjectiveSpec = ObjectiveSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    models: ModelNames = ModelNames()
    constraints: ConstraintsSpec = ConstraintsSpec()
    budget: BudgetSpec = BudgetSpec()
    metric: Literal["exact_match"] | None = "exact_match"
    max_answer_tokens: Annotated[int, Field(ge=1, le=4_096)] = 64
    queue: Literal["interactive", "overnight"] = "interactive"
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="before")
    @classmethod
    def _first_of_prompts(cls, data: Any) -> Any:
        prompts = data.get("prompts") if isinstance(data, Mapping) else None
        if not isinstance(prompts, list) or not prompts or "prompt" in data:
            return data
        return {"prompt": prompts[0], **data}

    @model_validator(mode="after")
    def _one_first_prompt(self) -> JobSpec:
        if self.prompts and self.prompts[0] != self.prompt:
            raise ValueError("prompt is not the first of prompts; give either 'prompt' or 'prompts'")
        return self


class SplitSizes(Strict):
    """Rows in each set. ``unused`` rows were left over."""

    train: int
    validation: int
    test: int
    unused: int = 0


class Progress(Strict):
    """Where a running job stands; losses are the incumbent's, in nats per target token.

    ``money`` is null where the models have no prices.
    """

    iteration: int = 0
    max_iterations: int = 0
    train_loss_before: float | None = None
    train_loss: float | None = None
    validation_loss: float | None = None
    scored_tokens: int = 0
    computed_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0
    money: float | None = None


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
    """``GET /v1/jobs/{id}/result``.

    ``prompt_before`` is the first seed prompt. ``best_seed`` is the place in the job's list (from 1) of the seed prompt
    that ``prompt_after`` is, null when it is a rewrite. ``money`` is null where the models have no prices.
    """

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
    money: float | None = None
    num_restarts: int = 0
    num_seeds: int = 1
    best_seed: int | None = None


class JobCreated(Strict):
    """The answer to ``POST /v1/jobs``."""

    id: str
    state: JobState
    splits: SplitSizes
    warnings: list[str] = []
