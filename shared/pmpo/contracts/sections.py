"""The sections of a job that say how to search: the optimizer, the models, what to hold, what to spend."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pmpo.contracts.modes import MAX_LOSS, FewShotSpec

Algorithm = Literal[
    "pmpo",
    "static_answer_only",
    "static_step_by_step",
    "static_rephrase",
    "static_step_back",
    "ape",
    "ape_ucb",
    "opro",
    "evoprompt_ga",
    "evoprompt_de",
]


DatasetId = Annotated[str, StringConstraints(pattern=r"^ds_[0-9a-f]{32}$")]


class Strict(BaseModel):
    """Frozen; unknown keys are refused, and so are numbers that JSON does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OptimizerSpec(Strict):
    """The search's own settings.

    ``temperature``, ``top_p`` and ``max_rewrite_tokens`` are of the rewrites; the last is made to fit the prompt where
    it is left out. ``scoring``, ``operator`` and ``population`` are for PMPO's rivals (``pmpo.baselines``): how they
    score prompts, whose meta-prompt they ask with, and how many prompts a round has (None: as in their papers).
    ``meta_prompt`` names the forms that ask the rewriter: ``small`` ones for small models to fill in, ``full`` ones for
    capable models. ``meta_prompt_text`` replaces the one that asks for rewrites; a job file names a file for it.
    """

    algorithm: Algorithm = "pmpo"
    scoring: Literal["published", "loss", "accuracy"] = "published"
    operator: Literal["own", "shared"] = "own"
    population: Annotated[int, Field(ge=1, le=200)] | None = None
    iterations: Annotated[int, Field(ge=0, le=200)] = 20
    hard_examples: Annotated[int, Field(ge=1, le=20)] = 3
    hard_examples_policy: Literal["thompson", "top_loss"] = "thompson"
    variants: Annotated[int, Field(ge=1, le=20)] = 4
    units: Literal["rule", "model"] = "rule"
    mask_mode: Literal["delete", "placeholder"] = "delete"
    max_units: Annotated[int, Field(ge=1, le=20)] = 5
    restarts: Annotated[int, Field(ge=0, le=20)] = 0
    patience: Annotated[int, Field(ge=1, le=200)] = 6
    selection: Literal["halving", "race", "full"] = "halving"
    min_delta: Annotated[float, Field(ge=0, le=MAX_LOSS)] = 1e-4
    target_loss: Annotated[float, Field(ge=0, le=MAX_LOSS)] | None = None
    temperature: Annotated[float, Field(gt=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_rewrite_tokens: Annotated[int, Field(ge=16, le=100_000)] | None = None
    meta_prompt: Literal["small", "full"] = "small"
    meta_prompt_text: Annotated[str, Field(max_length=100_000)] | None = None
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
    seconds: Annotated[float, Field(gt=0, le=1e9)] | None = None
    money: Annotated[float, Field(gt=0, le=1e12)] | None = None
