"""A job's estimate on the wire, from token counts."""

from __future__ import annotations

from pmpo.contracts.estimates import EstimateView, MoneyRange, SmallestBudget, TokenRange
from pmpo.contracts.jobs import JobSpec, SplitSizes
from pmpo.optim.bounds import TokenCounts
from pmpo.optim.budget import shortage
from pmpo.optim.compression_estimate import estimate_compression
from pmpo.optim.deletion import deletable_units
from pmpo.optim.estimate import Estimate, estimate, money
from pmpo.optim.selection import policy_of
from pmpo.optim.spec import SearchSpec
from pmpo.runs.evaluation import estimate_evaluation
from pmpo.runs.jobspec import seeds_of
from pmpo.runs.modes import covered_by, deletion_rule, smallest_budget


def estimate_view(
    job: JobSpec,
    spec: SearchSpec,
    counts: TokenCounts,
    answer_tokens: float,
    *,
    sizes: SplitSizes,
    warnings: list[str],
) -> EstimateView:
    """What the job will probably use, and the smallest budget that it takes.

    Args:
        job: a search, a compression or an evaluation; see ``refuse_estimate``.
        spec: its search.
        counts: tokens of its seed prompts.
        answer_tokens: mean length of the known outputs.
        sizes: rows of each set.
        warnings: what the job's owner should know.
    """
    found, num_rounds = _estimated(job, spec, counts, answer_tokens)
    smallest = smallest_budget(job, spec, counts)
    amounts = (found.low, found.expected, found.high)
    scored, generated = [cost.scored_tokens for cost in amounts], [cost.generated_tokens for cost in amounts]
    low, expected, high = map(money, amounts)
    has_prices = spec.prices is not None
    short = shortage(spec.caps, smallest)
    if short:
        told = f"the job's budget does not cover {covered_by(job, spec)}, so it would be refused: {short}"
        warnings = [*warnings, told]
    return EstimateView(
        splits=sizes,
        warnings=warnings,
        iterations=num_rounds,
        scored_tokens=TokenRange(low=scored[0], expected=scored[1], high=scored[2]),
        generated_tokens=TokenRange(low=generated[0], expected=generated[1], high=generated[2]),
        money=MoneyRange(low=low, expected=expected, high=high) if has_prices else None,
        smallest_budget=SmallestBudget(
            scored_tokens=smallest.scored_tokens,
            generated_tokens=smallest.generated_tokens,
            money=money(smallest) if has_prices else None,
        ),
    )


def _estimated(job: JobSpec, spec: SearchSpec, counts: TokenCounts, answer_tokens: float) -> tuple[Estimate, int]:
    """The amounts, and the most rounds that there can be."""
    if job.kind == "compress":
        rule = deletion_rule(job)
        num_units = len(deletable_units(spec.prompt, spec.protected, rule))
        return estimate_compression(counts, spec, rule, answer_tokens), num_units
    if job.kind == "evaluate":
        return estimate_evaluation(counts, spec, answer_tokens), len(seeds_of(job))
    is_small_form = job.optimizer.meta_prompt == "small"
    policy = policy_of(spec.selection)
    return estimate(counts, spec, policy, answer_tokens, is_small_form=is_small_form), spec.iterations
