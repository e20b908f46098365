"""Estimates on the wire: what a job will probably use."""

from __future__ import annotations

from pmpo.contracts.jobs import SplitSizes
from pmpo.contracts.sections import Strict


class TokenRange(Strict):
    """Most runs stay between ``low`` and ``high``."""

    low: int
    expected: int
    high: int


class MoneyRange(Strict):
    """The same in the operator's currency."""

    low: float
    expected: float
    high: float


class SmallestBudget(Strict):
    """The caps below which the job is refused: one iteration and the final test at their longest."""

    scored_tokens: int
    generated_tokens: int
    money: float | None = None


class EstimateView(Strict):
    """``POST /v1/jobs/estimate``: use of a run to its full number of iterations; one that stops early uses less.

    ``money`` is null where the models have no prices.
    """

    splits: SplitSizes
    warnings: list[str]
    iterations: int
    scored_tokens: TokenRange
    generated_tokens: TokenRange
    money: MoneyRange | None = None
    smallest_budget: SmallestBudget
