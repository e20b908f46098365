"""The scorer's wire: scoring, token counts, OpenAI-compatible chat, the model's card.

Shapes: C prompts, N examples, T_n targets of example n. A cell ``[c][n]`` is one value when example n gave ``target``
and a list of T_n values when it gave ``targets``. Log-likelihoods are sums over the target's tokens in nats.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from pmpo.contracts.problems import WireModel


def _template_value(value: Any) -> Any:
    """One sentence for the whole union, instead of one for each of its types."""
    if (isinstance(value, float) and not math.isfinite(value)) or not isinstance(
        value, bool | int | float | str | None
    ):
        raise PydanticCustomError("template_value", "give true, false, a number, a text or null")
    return value


TemplateValue: TypeAlias = Annotated[bool | int | float | str | None, BeforeValidator(_template_value)]
TemplateArguments: TypeAlias = dict[str, TemplateValue]
FloatCell: TypeAlias = float | list[float]
IntCell: TypeAlias = int | list[int]
TokensCell: TypeAlias = list[float] | list[list[float]]

DEADLINE_HEADER = "x-pmpo-deadline-ms"  # how long the caller waits for the answer: after that the work is dropped
JOB_HEADER = "x-pmpo-job"  # names the job that a request belongs to: jobs take turns in the scorer
MAX_CHOICES = 128
MAX_WEIGHT = 1e9  # sums of weights stay finite
MAX_STOPS = 16


class ChatMessage(WireModel):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


def _prompt_form(value: Any) -> str:
    return "text" if isinstance(value, str) else "messages"


PromptBody: TypeAlias = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[ChatMessage], Tag("messages"), Field(min_length=1)],
    Discriminator(_prompt_form),
]


class ScoreExample(WireModel):
    """One example: what fills the prompt, and the known output or outputs.

    ``input`` may stand beside ``fields``, in it, or in both with one value. ``weight`` is carried for the caller: sums
    are never weighted here.
    """

    fields: dict[str, str] = Field(default_factory=dict)
    input: str | None = None
    target: str | None = None
    targets: list[str] | None = Field(default=None, min_length=1)
    weight: float = Field(default=1.0, ge=0, le=MAX_WEIGHT)

    @model_validator(mode="after")
    def _check_forms(self) -> Self:
        if (self.target is None) == (self.targets is None):
            raise ValueError("give either 'target' or 'targets'")
        if self.input is not None and self.fields.get("input", self.input) != self.input:
            raise ValueError("'input' and 'fields.input' differ; give one of them")
        return self

    @property
    def all_targets(self) -> tuple[str, ...]:
        """The targets in order, one or more."""
        return tuple(self.targets) if self.targets is not None else (self.target or "",)

    @property
    def all_fields(self) -> dict[str, str]:
        """The fields with ``input`` among them when it was given."""
        return self.fields if self.input is None else {**self.fields, "input": self.input}


class ScoreRequest(WireModel):
    """``POST /v1/score``: every prompt with every example. The same body on ``/v1/tokenize`` counts tokens."""

    prompts: list[PromptBody]
    examples: list[ScoreExample]
    answer_prefix: str = ""
    end_of_turn: bool = True
    chat_template_kwargs: TemplateArguments = Field(default_factory=dict)
    return_tokens: bool = False


class Timings(WireModel):
    """Seconds that a request spent in each stage."""

    tokenize_s: float
    queue_s: float
    compute_s: float


class Measured(WireModel):
    """What every answer with likelihoods says of how they came about.

    Attributes:
        scored_tokens: context plus target tokens as if every item were scored alone.
        computed_tokens: tokens that the engine really ran for this request.
        estimate: true where the engine only estimates log-likelihoods; left out otherwise.
    """

    model: str
    revision: str
    dtype: str
    engine: str
    timings: Timings
    scored_tokens: int
    computed_tokens: int
    estimate: Literal[True] | None = None


class ScoreResponse(Measured):
    """The answer of ``POST /v1/score``.

    Attributes:
        log_likelihoods: (C, N) cells, nats.
        num_tokens: (C, N) cells, target tokens with the end of turn.
        token_log_likelihoods: (C, N) cells of lists, nats a token; only when asked for.
    """

    log_likelihoods: list[list[FloatCell]]
    num_tokens: list[list[IntCell]]
    token_log_likelihoods: list[list[TokensCell]] | None = None


class MaskedLossesRequest(WireModel):
    """``POST /v1/masked-losses``: one prompt, whole and with each of its spans masked, on every example.

    Attributes:
        prompt: a text; messages have no spans.
        spans: what to mask, one at a time: ``prompt[start:end]`` in code points, not empty, no placeholder touched.
        mode: take the span out, or put a filler in its place.
        examples: each with one ``target``; ``weight`` is its share in ``delta``.
    """

    prompt: str
    spans: list[tuple[int, int]]
    mode: Literal["delete", "placeholder"] = "delete"
    examples: list[ScoreExample]
    answer_prefix: str = ""
    end_of_turn: bool = True
    chat_template_kwargs: dict[str, TemplateValue] = Field(default_factory=dict)


class MaskedLossesResponse(Measured):
    """The answer of ``POST /v1/masked-losses``, for S spans and N examples. Losses are nats per target token.

    Attributes:
        baseline: (N,) losses under the whole prompt.
        masked: (S, N) losses under the prompt without each span.
        num_tokens: (N,) target tokens with the end of turn.
        delta: (S,) weighted means of ``masked - baseline``: what the span is worth.
        standard_error: (S,) of ``delta``, paired by example; 0 with a single example.
    """

    baseline: list[float]
    masked: list[list[float]]
    num_tokens: list[int]
    delta: list[float]
    standard_error: list[float]


class TokenizeTextsRequest(WireModel):
    """``POST /v1/tokenize`` with texts: tokens of each text alone, without special tokens."""

    texts: list[str]


def _tokenize_form(value: Any) -> str:
    has_texts = isinstance(value, TokenizeTextsRequest) or (isinstance(value, dict) and "texts" in value)
    return "texts" if has_texts else "score"


TokenizeRequest: TypeAlias = Annotated[
    Annotated[TokenizeTextsRequest, Tag("texts")] | Annotated[ScoreRequest, Tag("score")],
    Discriminator(_tokenize_form),
]


class TokenizeResponse(WireModel):
    """(C, N) cells of context plus target tokens for a score body; one count a text for texts."""

    num_tokens: list[int] | list[list[IntCell]]


class ChatCompletionRequest(WireModel):
    """``POST /v1/chat/completions``, OpenAI-compatible. A sample's draws depend on ``seed`` and its index alone.

    ``answer_prefix``, which is ours, stands before the answer as in ``ScoreRequest``: it is read and not written again.
    """

    model: str | None = None
    messages: list[ChatMessage] = Field(min_length=1)
    n: int = Field(default=1, ge=1, le=MAX_CHOICES)
    temperature: float = Field(default=1.0, ge=0, le=10)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=256, ge=1)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    stop: str | Annotated[list[str], Field(max_length=MAX_STOPS)] | None = None
    answer_prefix: str | None = None
    chat_template_kwargs: TemplateArguments = Field(default_factory=dict)
    stream: Literal[False] = False

    @property
    def all_stops(self) -> tuple[str, ...]:
        """The stop strings in order; empty ones stop nothing."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(stop for stop in stops if stop)


class ChatChoice(WireModel):
    """One sampled answer. ``num_tokens`` counts what was sampled, the end of turn included."""

    index: int
    message: ChatMessage
    finish_reason: Literal["stop", "length"]
    num_tokens: int


class Usage(WireModel):
    """Tokens of the prompt (once) and of all choices."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletionResponse(WireModel):
    """The answer of ``POST /v1/chat/completions``."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class ModelCard(WireModel):
    """What the scorer serves: one entry of ``GET /v1/models``.

    Attributes:
        mode: how the engine shares work between sequences.
        peak_memory_bytes: most memory held at once since the start, where the engine knows: of the GPU, or on a CPU of
            the whole process.
        max_request_tokens: most tokens of one scoring request.
        deterministic: whether numbers depend on their own request alone, to the bit.
        estimate: true where the engine only estimates log-likelihoods; left out otherwise.
    """

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "pmpo"
    context_length: int
    engine: str
    mode: str
    dtype: str
    revision: str
    num_parameters: int
    max_request_tokens: int
    deterministic: bool
    peak_memory_bytes: int | None = None
    estimate: Literal[True] | None = None


class ModelList(WireModel):
    """The answer of ``GET /v1/models``."""

    object: Literal["list"] = "list"
    data: list[ModelCard]
