"""Operators: how an ask is put to the rewriter, in the rival's own meta-prompt or in one that all algorithms share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pmpo.baselines.rival import Ask
from pmpo.baselines.spec import RivalSpec
from pmpo.optim.bounds import max_rewrite_tokens
from pmpo.optim.proposing import derived_seed, texts_to_keep
from pmpo.optim.reading import STOP
from pmpo.optim.rewrite import RewriteContext, render_rewrite
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import GenerationRequest, Message
from pmpo.text import units as text_units
from pmpo.text.placeholders import placeholders


@dataclass(frozen=True, slots=True)
class Wording:
    """One conversation, how many answers are wanted, and the row of the one example that it shows, if it does."""

    messages: tuple[Message, ...]
    num_samples: int
    example_index: int | None


class Operator(Protocol):
    """Puts an ask into words."""

    def wordings(self, ask: Ask) -> list[Wording]:
        """Conversations whose samples add up to those of the ask."""
        ...


class OwnOperator:
    """The published way: the rival's meta-prompt."""

    def wordings(self, ask: Ask) -> list[Wording]:
        """See ``Operator.wordings``."""
        return [Wording(ask.own, ask.num_samples, None)]


@dataclass(frozen=True, slots=True)
class SharedOperator:
    """The search's own small meta-prompt: a prompt, one example, no units. What else a rival knows stays unsaid.

    The samples of an ask are divided among its examples, so that as many different ones are seen as by PMPO.
    """

    base: SearchSpec

    def wordings(self, ask: Ask) -> list[Wording]:
        """See ``Operator.wordings``."""
        keep, limit = texts_to_keep(self.base), self.base.max_prompt_tokens
        shares = [len(range(position, ask.num_samples, len(ask.examples))) for position in range(len(ask.examples))]
        return [
            Wording(
                render_rewrite(
                    self.base.rewrite_meta,
                    RewriteContext(ask.base, example.input, example.target, (), self.base.task, keep, limit),
                ),
                share,
                example.index,
            )
            for example, share in zip(ask.examples, shares, strict=True)
            if share
        ]


def operator_of(spec: RivalSpec) -> Operator:
    """The operator that a spec names."""
    return OwnOperator() if spec.operator == "own" else SharedOperator(spec.base)


def generation_requests(spec: RivalSpec, wordings: Sequence[Wording], call: int, room: int) -> list[GenerationRequest]:
    """One request for each wording, each with its own seed. ``room``: see ``Rival``; the shared form needs none."""
    base = spec.base
    return [
        GenerationRequest(
            messages=wording.messages,
            num_samples=wording.num_samples,
            max_tokens=rewrite_room(spec, room),
            temperature=base.sampling.temperature,
            top_p=base.sampling.top_p,
            seed=derived_seed(base.seed, call, position),
            stop=(STOP,),
        )
        for position, wording in enumerate(wordings)
    ]


def rewrite_room(spec: RivalSpec, room: int) -> int:
    """Tokens that one answer of the rewriter may take."""
    return max_rewrite_tokens(spec.base) * (room if spec.operator == "own" else 1)


def crossed(first: str, second: str, protected: Sequence[str], rng: np.random.Generator) -> str:
    """``first`` with one of its units replaced by, or followed by, a unit of ``second``: crossover by rule.

    It stands in for the rivals' crossover where the shared operator, which reads one prompt, does the mutation. Units
    hold no placeholder and no protected text, so these stay as they are. Prompts without units: both in one line, or,
    where placeholders or protected texts would then stand twice, ``second``.
    """
    mine, theirs = (text_units.segment(text, protected=protected) for text in (first, second))
    new = [second[start:end] for start, end in theirs if second[start:end] not in first]
    if mine and new:
        start, end = mine[int(rng.integers(len(mine)))]
        graft = new[int(rng.integers(len(new)))]
        kept = first[start:end] + " " if rng.random() < 0.5 else ""
        return first[:start] + kept + graft + first[end:]
    if first == second or placeholders(second) or any(text in second for text in protected):
        return second
    return f"{first} {second}"
