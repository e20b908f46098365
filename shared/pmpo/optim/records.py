"""What events are about: candidates, costs, the paired test, why a run stopped, what it allows to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StopReason = Literal[
    "iterations",
    "patience",
    "target",
    "perfect",
    "budget",
    "no_rewrites",
    "diverged",
    "cancelled",
    "failed",
    "all_tried",
]
UnitSource = Literal["rule", "model"]
Verdict = Literal["confirmed", "unconfirmed", "untested"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a search has used so far. ``seconds`` and ``computed_tokens`` are not repeatable; the others are.

    ``money`` is None where the endpoints have no prices.
    """

    scored_tokens: int = 0
    computed_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0
    money: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prompt and where it came from. Seed prompts have no parent; the first one has id 0.

    ``num_tokens`` are the prompt's alone; None where nobody counted them.
    """

    id: int
    prompt: str
    parent_id: int | None = None
    example_index: int | None = None
    num_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class TestComparison:
    """The paired test of the final prompt against the seed prompt. Losses in nats, differences after minus before.

    ``interval`` is the 95 % interval of the mean difference: the sign-flip test inverted (see ``acceptance``).
    ``accuracy_*`` are of answers that were generated and graded; ``preferred_*`` are the shares of examples whose right
    answer is likelier than the others that are given with it, None where none are.
    """

    num_examples: int
    loss_before: float
    loss_after: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    losses_before: tuple[float, ...]
    losses_after: tuple[float, ...]
    accuracy_before: float | None = None
    accuracy_after: float | None = None
    preferred_before: float | None = None
    preferred_after: float | None = None
