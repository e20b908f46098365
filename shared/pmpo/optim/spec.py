"""What a search is asked to do: frozen settings with the algorithm's defaults."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from pmpo.errors import InvalidInputError, PlaceholderError
from pmpo.optim.events import UnitSource
from pmpo.optim.importance import MaskMode
from pmpo.optim.losses import Objective, Supervised
from pmpo.optim.rewrite import MAX_UNITS, MetaPrompt
from pmpo.optim.selection import SelectionName
from pmpo.optim.types import Prices
from pmpo.text.placeholders import placeholders

HardExamplesPolicyName = Literal["thompson", "top_loss"]


@dataclass(frozen=True, slots=True)
class BudgetCaps:
    """Upper bounds; None means none. A cap is never exceeded, not by one batch."""

    scored_tokens: int | None = None
    generated_tokens: int | None = None
    seconds: float | None = None
    money: float | None = None


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
        prompt: the seed prompt, which the test compares the final one with.
        more_prompts: further seed prompts, with the same placeholders; the search begins with the best of all.
        rewrite_meta: the meta-prompt that asks for rewrites.
        mask_meta: the meta-prompt that asks for units.
        units: who finds the units of the mask analysis. ``rule`` is the default: it needs no call, is never wrong about
            the text, and works with models that cannot copy a prompt unchanged; ``model`` is the paper's way.
        mask_mode: how a unit is masked: taken out, or replaced by a filler.
        task: what the rewriter is told about the task; may be empty.
        iterations, patience: the most rounds, and the most rounds in a row without an acceptance.
        hard_examples: k, examples shown per round (each to its own rewrites).
        hard_examples_policy: Thompson sampling among three times as many of the highest losses, or the paper's highest.
        variants: n, rewrites per hard example.
        max_units: the most parts of a prompt that the mask analysis leaves out in turn.
        restarts: how often the search goes on from a runner-up when patience runs out (none in the paper).
        min_delta: by how much the training loss must fall to be believed (engine noise, not significance).
        protected: texts that every rewrite must hold unchanged.
        anchors: row numbers of training examples that must not get worse.
        objective: what is minimised; its unit is the unit of every loss.
        selection: how the pool of a round is narrowed down.
        num_target_models: how many are scored with; token counts of prompts are then their highest.
        few_shot: demonstrations to add at the end; with them ``iterations`` may be 0.
        with_accuracy: whether answers are generated for the test set and graded.
        prices: what tokens cost; None where that is not known, which no cap on money goes with.
    """

    prompt: str
    rewrite_meta: MetaPrompt
    task: str = ""
    iterations: int = 20
    patience: int = 6
    hard_examples: int = 3
    hard_examples_policy: HardExamplesPolicyName = "thompson"
    variants: int = 4
    max_units: int = MAX_UNITS
    units: UnitSource = "rule"
    mask_mode: MaskMode = "delete"
    mask_meta: MetaPrompt | None = None
    restarts: int = 0
    more_prompts: tuple[str, ...] = ()
    prices: Prices | None = None
    min_delta: float = 1e-4
    target_loss: float | None = None
    max_prompt_tokens: int = 600
    max_answer_tokens: int = 64
    objective: Objective = field(default_factory=Supervised)
    selection: SelectionName = "halving"
    protected: tuple[str, ...] = ()
    anchors: tuple[int, ...] = ()
    with_accuracy: bool = True
    sampling: Sampling = field(default_factory=Sampling)
    caps: BudgetCaps = field(default_factory=BudgetCaps)
    seed: int = 0
    few_shot: FewShotRule | None = None
    num_target_models: int = 1

    def __post_init__(self) -> None:
        """Refuse what no search could do."""
        if not self.prompt.strip():
            raise InvalidInputError("the prompt is empty; give the text that should get better")
        for name in ("iterations", "patience", "hard_examples", "variants", "max_units", "max_prompt_tokens"):
            if name == "iterations" and self.few_shot is not None and self.iterations == 0:
                continue
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; it must be at least 1")
        self._check_seeds()
        if self.units == "model" and self.mask_meta is None:
            raise InvalidInputError(
                "units: model needs a meta-prompt that asks for them; give one, or take units: rule"
            )
        if self.caps.money is not None and self.prices is None:
            raise InvalidInputError(
                f"budget.money is {self.caps.money:g} and the job's models have no prices; have them put into the "
                "endpoint table, or cap tokens instead"
            )

    @property
    def seeds(self) -> tuple[str, ...]:
        """All seed prompts, each once, ``prompt`` first."""
        return tuple(dict.fromkeys((self.prompt, *self.more_prompts)))

    def _check_seeds(self) -> None:
        wanted = Counter(placeholders(self.prompt))
        for number, prompt in enumerate(self.more_prompts, start=2):
            if not prompt.strip():
                raise InvalidInputError(f"prompt {number} of prompts is empty; remove it")
            if Counter(placeholders(prompt)) != wanted:
                raise PlaceholderError(
                    f"prompt {number} of prompts has other placeholders than the first one, "
                    f"{', '.join(f'{{{{{name}}}}}' for name in wanted) or 'which has none'}; make them the same"
                )
