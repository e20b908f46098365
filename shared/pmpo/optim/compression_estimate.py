"""What a compression will probably use, before it runs.

Exact are the whole prompt's scoring, the importance of every unit and the test's rows. Assumed is how many units are
tried, and how many of these get as far as the validation rows and go.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmpo.optim.acceptance import MIN_TEST_EXAMPLES
from pmpo.optim.bounds import TokenCounts
from pmpo.optim.deletion import DeletionRule, deletable_units
from pmpo.optim.estimate import Estimate
from pmpo.optim.spec import SearchSpec
from pmpo.optim.tariff import Reservation, Tariff


@dataclass(frozen=True, slots=True)
class TriedUnits:
    """What nobody knows before a compression.

    Attributes:
        tried: share of the units that are tried; the others are seen to matter.
        deleted: share of those that go.
        answer_growth: length of generated answers over that of the known outputs.
    """

    tried: float
    deleted: float
    answer_growth: float


LOW, EXPECTED, HIGH = TriedUnits(0.0, 1.0, 0.7), TriedUnits(0.5, 0.8, 1.0), TriedUnits(1.0, 0.5, 2.0)


def estimate_compression(counts: TokenCounts, spec: SearchSpec, rule: DeletionRule, answer_tokens: float) -> Estimate:
    """What the compression will use.

    Args:
        counts: tokens of the whole prompt.
        spec: the job's search; its caps are not looked at.
        rule: what may be deleted.
        answer_tokens: mean length of the known outputs.

    Raises:
        InvalidInputError: there is nothing to compress.
    """
    low, expected, high = (_cost(counts, spec, rule, answer_tokens, assumed) for assumed in (LOW, EXPECTED, HIGH))
    return Estimate(low, expected, high)


def _cost(
    counts: TokenCounts, spec: SearchSpec, rule: DeletionRule, answer_tokens: float, assumed: TriedUnits
) -> Reservation:
    tariff, tested = Tariff(spec.prices), counts.test if len(counts.test) >= MIN_TEST_EXAMPLES else ()
    num_copies = counts.max_row_targets * spec.num_target_models
    num_tests = 2 if assumed.tried else 1  # a prompt of which nothing went is not tested twice
    units = deletable_units(spec.prompt, spec.protected, rule)
    per_row = num_copies * counts.prompt / len(spec.prompt)  # tokens that a character of the prompt costs a row
    importance = sum(sum(counts.train) - len(counts.train) * per_row * len(unit.text) for unit in units)
    gone = per_row * assumed.tried * assumed.deleted * sum(len(unit.text) for unit in units)
    num_tried = assumed.tried * len(units)
    tries = num_tried * (sum(counts.train) - len(counts.train) * gone / 2)
    tries += num_tried * assumed.deleted * (sum(counts.validation) - len(counts.validation) * gone / 2)
    scored = (
        sum(counts.train) + sum(counts.validation) + importance + tries + num_tests * sum(tested) - len(tested) * gone
    )
    cost = tariff.scoring(round(scored))
    if spec.with_accuracy:
        answer = min(answer_tokens * assumed.answer_growth + 1, float(spec.max_answer_tokens))
        cost += tariff.answering(round(num_tests * len(tested) * answer), round(num_tests * sum(tested) / num_copies))
    return cost
