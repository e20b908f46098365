"""Jobs on the wire: what a client posts, what it polls, what it gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pmpo.contracts.jobdata import JobData, SetName
from pmpo.contracts.modes import (
    CompressionView,
    CompressSpec,
    DemonstrationsView,
    JobKind,
    Metric,
    RationalizeSpec,
)
from pmpo.contracts.objectives import FieldNames, ObjectiveSpec, ObjectiveView
from pmpo.contracts.registry import PromptRef, RegistrySpec
from pmpo.contracts.scoring import TemplateArguments
from pmpo.contracts.sections import BudgetSpec, ConstraintsSpec, DatasetId, ModelNames, OptimizerSpec, Strict

JobState = Literal["queued", "running", "paused", "cancelling", "succeeded", "failed", "cancelled"]
FINAL_STATES: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})
Prompt = Annotated[str, Field(min_length=1, max_length=200_000)]


class JobSpec(Strict):
    """``POST /v1/jobs``: a job file with its data inside.

    ``prompts`` are several seed prompts, ``prompt`` the first of them: it may be left out when ``prompts`` is there.
    ``metric`` grades generated answers; a job that does not name it gets ``exact_match``, or none where the objective
    knows pairs alone: they hold no answer that a text could be compared with. ``chat_template_kwargs`` go to the chat
    template of every target, in scoring and in answering. ``webhook`` is called when the job is over.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)] = "job"
    kind: JobKind = "optimize"
    prompt: Prompt
    prompts: Annotated[list[Prompt], Field(max_length=20)] = Field(default_factory=list)
    task: Annotated[str, Field(max_length=10_000)] = ""
    dataset: JobData
    fields: FieldNames = FieldNames()
    objective: ObjectiveSpec = ObjectiveSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    compress: CompressSpec | None = None
    rationalize: RationalizeSpec | None = None
    models: ModelNames = ModelNames()
    constraints: ConstraintsSpec = ConstraintsSpec()
    budget: BudgetSpec = BudgetSpec()
    answer_prefix: Annotated[str, Field(max_length=2_000)] = ""
    chat_template_kwargs: Annotated[TemplateArguments, Field(max_length=50)] = Field(default_factory=dict)
    metric: Metric | None = "exact_match"
    max_answer_tokens: Annotated[int, Field(ge=1, le=4_096)] = 64
    queue: Literal["interactive", "overnight"] = "interactive"
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    webhook: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    registry: RegistrySpec = RegistrySpec()

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, body: Any) -> Any:
        """The metric of pairs, and the first of several prompts, where they are left out."""
        if not isinstance(body, Mapping):
            return body
        defaults: dict[str, Any] = {}
        if _kind_of(body.get("objective")) == "preference":
            defaults["metric"] = None
        prompts = body.get("prompts")
        if isinstance(prompts, list) and prompts:
            defaults["prompt"] = prompts[0]
        return {**defaults, **body}

    @model_validator(mode="after")
    def _one_first_prompt(self) -> JobSpec:
        if self.prompts and self.prompts[0] != self.prompt:
            raise ValueError("prompt is not the first of prompts; give either 'prompt' or 'prompts'")
        return self


def _kind_of(objective: Any) -> Any:
    """The kind that an objective names, whether it is parsed already or not."""
    return objective.get("kind") if isinstance(objective, dict) else getattr(objective, "kind", None)


class SplitSizes(Strict):
    """Rows in each set. ``unused`` rows were left over."""

    train: int
    validation: int
    test: int
    unused: int = 0


class Progress(Strict):
    """Where a running job stands; losses are the incumbent's, in the unit of the job's objective.

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


class WebhookView(Strict):
    """What became of a job's webhook.

    ``pending`` until the receiver took it or the last try was made; ``detail`` says why the last try failed.
    """

    state: Literal["pending", "delivered", "failed"]
    attempts: int = 0
    detail: str = ""


class JobView(Strict):
    """``GET /v1/jobs/{id}``.

    ``repeated_tokens``: scored and generated tokens of calls whose first answer was lost with a worker, and that were
    made again. They are no part of ``progress`` and count towards no budget, so that a disturbed job ends as it would
    have ended undisturbed. ``webhook`` is null where the job has none.
    ``registered``: the version of the prompt registry that the winner became.
    ``datasets``: the id that each given set has by its content; a stored data set of that id may exist or not.
    """

    id: str
    name: str
    kind: str
    state: JobState
    created_at: float
    updated_at: float
    attempts: int = 0
    repeated_tokens: int = 0
    splits: SplitSizes
    warnings: list[str] = Field(default_factory=list)
    progress: Progress = Progress()
    failure: JobFailure | None = None
    datasets: dict[SetName, DatasetId] = Field(default_factory=dict)
    stop_reason: str | None = None
    verdict: str | None = None
    registered: PromptRef | None = None
    best_prompt: str
    webhook: WebhookView | None = None


class JobsPage(Strict):
    """``GET /v1/jobs``: newest first. ``next`` is the ``cursor`` of the next page, null when this is the last one.

    A page may hold fewer jobs than were asked for, or none, and still have a next one: few of the jobs fit the filters.
    """

    jobs: list[JobView]
    next: str | None = None


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
    """The paired test of the final prompt against the seed prompt (losses in the unit of the job's objective).

    ``preferred_*``: the share of rows whose right answer is likelier than the others that stand with it: the chosen one
    of a pair by mean log-likelihood per token, the right option by its sum; null for one target a row.
    """

    num_examples: int
    loss_before: float
    loss_after: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    accuracy_before: float | None
    accuracy_after: float | None
    preferred_before: float | None = None
    preferred_after: float | None = None


class RejectionView(Strict):
    """A prompt that was refused or lost, and why."""

    prompt: str
    reason: str
    detail: str
    iteration: int


class FlatPairView(Strict):
    """A row whose preference probability hardly varied over the scored prompts: it helps little to tell them apart.

    ``row`` counts from 0 in the train data; ``mean_probability`` near 1 is a pair that every prompt gets right, near 0
    one that every prompt gets wrong (mislabelled, perhaps).
    """

    row: int
    mean_probability: float
    standard_deviation: float
    num_prompts: int


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
    ``repeated_tokens`` are beside the costs, and ``datasets`` name the data by its content, as in ``JobView``.
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
    datasets: dict[SetName, DatasetId] = Field(default_factory=dict)
    scored_tokens: int
    computed_tokens: int
    generated_tokens: int
    seconds: float
    repeated_tokens: int = 0
    model: ModelView | None
    objective: ObjectiveView = ObjectiveView()
    flat_pairs: list[FlatPairView] = Field(default_factory=list)
    detail: str = ""
    money: float | None = None
    num_restarts: int = 0
    num_seeds: int = 1
    best_seed: int | None = None
    compression: CompressionView | None = None
    demonstrations: DemonstrationsView | None = None


class JobCreated(Strict):
    """The answer to ``POST /v1/jobs``."""

    id: str
    state: JobState
    splits: SplitSizes
    warnings: list[str] = Field(default_factory=list)
