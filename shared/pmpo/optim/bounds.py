"""Upper bounds of what a search can cost: what the final test reserves, and the smallest budget that makes sense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pmpo.optim.budget import Reservation
from pmpo.optim.selection import SelectionPolicy, halving_cells
from pmpo.optim.spec import SearchSpec

BOUNDARY_SLACK_TOKENS = 4


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of the seed prompt scored on each example of the three sets, and of the seed prompt alone."""

    train: Sequence[int]
    validation: Sequence[int]
    test: Sequence[int]
    prompt: int


def max_rewrite_tokens(spec: SearchSpec) -> int:
    """Tokens that one sampled rewrite may take: the longest prompt, its tags and the end of turn."""
    return min(spec.sampling.max_tokens, spec.max_prompt_tokens + 16)


def longest(counts: Sequence[int], spec: SearchSpec, prompt_tokens: int) -> int:
    """Upper bound of scoring the longest allowed prompt on every example of ``counts``."""
    return sum(counts) + _growth(spec, prompt_tokens) * len(counts)


def final_scoring(counts: TokenCounts, spec: SearchSpec) -> tuple[Reservation, Reservation]:
    """What scoring the test set costs at most: with the seed prompt, and with the final one."""
    return (
        Reservation(scored_tokens=sum(counts.test)),
        Reservation(scored_tokens=longest(counts.test, spec, counts.prompt)),
    )


def answering(num_examples: int, spec: SearchSpec) -> Reservation:
    """What answering ``num_examples`` with one prompt generates at most; nothing without a metric."""
    return Reservation(generated_tokens=num_examples * spec.max_answer_tokens if spec.with_accuracy else 0)


def minimum_budget(counts: TokenCounts, spec: SearchSpec, policy: SelectionPolicy) -> Reservation:
    """The smallest budget that surely covers the seed's scoring, one iteration and the final test."""
    num_rewrites = min(spec.hard_examples, len(counts.train)) * spec.variants
    largest_train = max(counts.train) + _growth(spec, counts.prompt)
    cells = halving_cells(num_rewrites, policy.rungs(len(counts.train)))
    scored = sum(counts.train) + sum(counts.validation)
    scored += spec.max_units * sum(counts.train)
    scored += cells * largest_train + 2 * longest(counts.validation, spec, counts.prompt)
    scored += sum(reservation.scored_tokens for reservation in final_scoring(counts, spec))
    generated = num_rewrites * max_rewrite_tokens(spec)
    generated += 2 * answering(len(counts.validation), spec).generated_tokens
    generated += 2 * answering(len(counts.test), spec).generated_tokens
    return Reservation(scored, generated)


def _growth(spec: SearchSpec, prompt_tokens: int) -> int:
    """Tokens by which the longest allowed prompt can exceed the seed prompt in one scored sequence."""
    if spec.num_targets > 1:  # each model counts the seed prompt in its own way: only the limit bounds them all
        return spec.num_targets * (spec.max_prompt_tokens + BOUNDARY_SLACK_TOKENS)
    return max(0, spec.max_prompt_tokens - prompt_tokens) + BOUNDARY_SLACK_TOKENS
