"""Proposing: ask for rewrites with the hardest examples in view; only what every guard accepts gets through."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pmpo.optim.bounds import max_rewrite_tokens
from pmpo.optim.guards import (
    CopyGuard,
    DuplicateGuard,
    Guard,
    LengthGuard,
    PlaceholderGuard,
    ProtectedGuard,
    Rejection,
    first_rejection,
)
from pmpo.optim.reading import STOP
from pmpo.optim.rewrite import RewriteContext, render_rewrite
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Example, GenerationRequest, UnitImportance
from pmpo.text.overlap import CopyDetector
from pmpo.text.placeholders import placeholders


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rewrite and the row of the hard example that it was written for; ``rejection`` is None when it may pass."""

    example_index: int
    text: str
    rejection: Rejection | None
    num_tokens: int | None = None


class GuardRail:
    """All guards of one search, in the order in which they speak."""

    def __init__(self, spec: SearchSpec, train: Sequence[Example]) -> None:
        self._duplicates = DuplicateGuard()
        sources = [text for example in train for text in (example.input, *example.targets)]
        allowed = [*spec.seeds, spec.task, *spec.protected]
        self._guards: tuple[Guard, ...] = (
            PlaceholderGuard(spec.prompt),
            ProtectedGuard(spec.prompt, spec.protected),
            LengthGuard(spec.max_prompt_tokens),
            CopyGuard(CopyDetector(sources, allowed)),
            self._duplicates,
        )
        for seed in spec.seeds:
            self._duplicates.remember(seed)

    def judge(self, example_index: int, text: str, rewrite: str | None, num_tokens: int) -> Proposal:
        """Check one rewrite (None: it could not be read); one that passes becomes known."""
        if rewrite is None:
            return Proposal(example_index, text, Rejection("unparseable", "no prompt between <prompt> and </prompt>"))
        rejection = first_rejection(self._guards, rewrite, num_tokens)
        if rejection is None:
            self._duplicates.remember(rewrite)
        return Proposal(example_index, rewrite, rejection, num_tokens)


def rewrite_requests(
    spec: SearchSpec, prompt: str, importances: Sequence[UnitImportance], hard: Sequence[Example], call: int
) -> list[GenerationRequest]:
    """One request for each hard example, each with its own seed from job seed, call number and index."""
    keep = texts_to_keep(spec)
    return [
        GenerationRequest(
            messages=render_rewrite(
                spec.rewrite_meta,
                RewriteContext(
                    prompt, example.input, example.target, importances, spec.task, keep, spec.max_prompt_tokens
                ),
            ),
            num_samples=spec.variants,
            max_tokens=max_rewrite_tokens(spec),
            temperature=spec.sampling.temperature,
            top_p=spec.sampling.top_p,
            seed=derived_seed(spec.seed, call, position),
            stop=(STOP,),
        )
        for position, example in enumerate(hard)
    ]


def texts_to_keep(spec: SearchSpec) -> list[str]:
    """What every rewrite must hold: the placeholders and the protected texts."""
    return [f"{{{{{name}}}}}" for name in dict.fromkeys(placeholders(spec.prompt))] + list(spec.protected)


def derived_seed(job_seed: int, call: int, position: int) -> int:
    """A 31-bit seed that differs for every request of every call of every job."""
    digest = hashlib.sha256(f"{job_seed}/{call}/{position}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
