"""What a search is asked to do: frozen settings with the algorithm's defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pmpo.errors import InvalidInputError
from pmpo.optim.losses import Objective, Supervised
from pmpo.optim.rewrite import MetaPrompt


@dataclass(frozen=True, slots=True)
class BudgetCaps:
    """Upper bounds; None means none. A cap is never exceeded, not by one batch."""

    scored_tokens: int | None = None
    generated_tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How rewrites are drawn."""

    temperature: float = 1.0
    top_p: float = 0.95
    max_tokens: int = 256


@dataclass(frozen=True, slots=True)
class FewShotRule:
    """At most so many demonstrations, chosen among so many training rows."""

    max_demonstrations: int = 5
    candidates: int = 12

    def __post_init__(self) -> None:
        """Refuse a choice of nothing."""
        if self.max_demonstrations < 1 or self.candidates < 1:
            raise InvalidInputError("few_shot: max_demonstrations and candidates must both be at least 1")


@dataclass(frozen=True, slots=True)
class SearchSpec:
    """One search.

    Attributes:
        prompt: the seed prompt.
        rewrite_meta: the meta-prompt that asks for rewrites.
        task: what the rewriter is told about the task; may be empty.
        iterations, patience: the most rounds, and the most rounds in a row without an acceptance.
        hard_examples: k, examples shown per round (each to its own rewrites).
        hard_examples_policy: the paper's highest losses, or Thompson sampling among three times as many.
        variants: n, rewrites per hard example.
        min_delta: nats by which the training loss must fall to be believed (engine noise, not significance).
        protected: texts that every rewrite must hold unchanged.
        anchors: row numbers of training examples that must not get worse.
        num_targets: target models that are scored with; token counts of prompts are then their highest.
        few_shot: demonstrations to add at the end; with them ``iterations`` may be 0.
        with_accuracy: whether answers are generated for the test set and graded.
    """

    prompt: str
    rewrite_meta: MetaPrompt
    task: str = ""
    iterations: int = 20
    patience: int = 6
    hard_examples: int = 3
    hard_examples_policy: Literal["top_loss", "thompson"] = "top_loss"
    variants: int = 4
    max_units: int = 5
    min_delta: float = 1e-4
    target_loss: float | None = None
    max_prompt_tokens: int = 600
    max_answer_tokens: int = 64
    objective: Objective = field(default_factory=Supervised)
    selection: Literal["halving"] = "halving"
    protected: tuple[str, ...] = ()
    anchors: tuple[int, ...] = ()
    with_accuracy: bool = True
    sampling: Sampling = field(default_factory=Sampling)
    caps: BudgetCaps = field(default_factory=BudgetCaps)
    seed: int = 0
    few_shot: FewShotRule | None = None
    num_targets: int = 1

    def __post_init__(self) -> None:
        """Refuse what no search could do."""
        if not self.prompt.strip():
            raise InvalidInputError("the prompt is empty; give the text that should get better")
        for name in ("iterations", "patience", "hard_examples", "variants", "max_units", "max_prompt_tokens"):
            if name == "iterations" and self.few_shot is not None and self.iterations == 0:
                continue
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; it must be at least 1")
