"""A job's estimate on the wire, from token counts."""

from __future__ import annotations

from pmpo.contracts.estimates import EstimateView, MoneyRange, SmallestBudget, TokenRange
from pmpo.contracts.jobs import SplitSizes
from pmpo.optim.bounds import TokenCounts, minimum_budget
from pmpo.optim.estimate import estimate, money
from pmpo.optim.selection import policy_of
from pmpo.optim.spec import SearchSpec


def estimate_view(
    spec: SearchSpec,
    counts: TokenCounts,
    answer_tokens: float,
    sizes: SplitSizes,
    warnings: list[str],
    *,
    is_small_form: bool,
) -> EstimateView:
    """What the search will probably use, and the smallest budget that it takes.

    Args:
        spec: the search.
        counts: tokens of its seed prompts.
        answer_tokens: mean length of the known outputs.
        sizes: rows of each set.
        warnings: what the job's owner should know.
        is_small_form: whether the rewriter fills in the forms for small models.
    """
    policy = policy_of(spec.selection)
    found = estimate(counts, spec, policy, answer_tokens, is_small_form=is_small_form)
    smallest = minimum_budget(counts, spec, policy)
    amounts = (found.low, found.expected, found.high)
    scored, generated = [cost.scored_tokens for cost in amounts], [cost.generated_tokens for cost in amounts]
    low, expected, high = map(money, amounts)
    has_prices = spec.prices is not None
    return EstimateView(
        splits=sizes,
        warnings=warnings,
        iterations=spec.iterations,
        scored_tokens=TokenRange(low=scored[0], expected=scored[1], high=scored[2]),
        generated_tokens=TokenRange(low=generated[0], expected=generated[1], high=generated[2]),
        money=MoneyRange(low=low, expected=expected, high=high) if has_prices else None,
        smallest_budget=SmallestBudget(
            scored_tokens=smallest.scored_tokens,
            generated_tokens=smallest.generated_tokens,
            money=money(smallest) if has_prices else None,
        ),
    )
