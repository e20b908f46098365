"""Questions that somebody waits for: what a few rows say of a few prompts. Numbers as in ``contracts.scoring``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pmpo.contracts.problems import WireModel
from pmpo.contracts.reports import UnitView
from pmpo.contracts.scoring import ScoreExample, ScoreRequest, ScoreResponse, TemplateArguments

MAX_CELLS = 1_000
MAX_BYTES = 1_500_000
DEFAULT_MODEL = "default"


class ScoreCall(ScoreRequest):
    """``POST /v1/score`` of the API: a scorer's request, and the name of the endpoint that it is for."""

    model: str = DEFAULT_MODEL


class ScoreView(ScoreResponse):
    """The answer of ``POST /v1/score``.

    Attributes:
        losses: (C,) weighted means over the examples of the loss of the first target, nats per target token.
    """

    losses: list[float]


class AnalyzeCall(WireModel):
    """``POST /v1/analyze``: what each part of a prompt is worth.

    Attributes:
        examples: each with one ``target``.
        mode: take a part out, or put a filler in its place.
        max_units: into how many parts the prompt is cut at most.
        protect: texts that stay: no part holds one.
        model: name of an endpoint.
    """

    prompt: Annotated[str, Field(min_length=1)]
    examples: Annotated[list[ScoreExample], Field(min_length=1)]
    mode: Literal["delete", "placeholder"] = "delete"
    max_units: Annotated[int, Field(ge=1, le=50)] = 10
    protect: list[str] = Field(default_factory=list)
    answer_prefix: str = ""
    chat_template_kwargs: TemplateArguments = Field(default_factory=dict)
    model: str = DEFAULT_MODEL


class AnalyzeView(WireModel):
    """The answer of ``POST /v1/analyze``.

    Attributes:
        loss: of the whole prompt, weighted mean over the examples, nats per target token.
        units: the parts in order, each with the rise of that loss without it.
        estimate: true where the engine only estimates log-likelihoods.
    """

    prompt: str
    loss: float
    units: list[UnitView]
    num_examples: int
    scored_tokens: int
    computed_tokens: int
    model: str
    revision: str
    dtype: str
    engine: str
    estimate: Literal[True] | None = None
