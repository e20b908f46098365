"""Bounds: what is held for the end always covers the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.optim.bounds import (
    TokenCounts,
    answering,
    final_scoring,
    max_rewrite_tokens,
    minimum_budget,
    most_targets,
)
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.selection import SequentialHalving, policy_of
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Example, Splits

COUNTS = TokenCounts([10, 12, 14], [11, 13], [20, 22, 24, 26, 28], prompt=5)


def spec(**changes):
    return SearchSpec(**{"prompt": "Do it.", "rewrite_meta": MetaPrompt("s", "{{prompt}}"), **changes})


def test_the_seeds_test_costs_what_it_costs_and_the_final_ones_at_most_the_longest_prompts():
    before, after = final_scoring(COUNTS, spec(max_prompt_tokens=15))
    assert before.scored_tokens == 120
    assert after.scored_tokens == 120 + 5 * (10 + 4)


def test_a_seed_longer_than_the_limit_still_counts_in_full():
    _, after = final_scoring(COUNTS, spec(max_prompt_tokens=1))
    assert after.scored_tokens >= 120


def test_without_a_metric_nothing_is_answered():
    assert answering([9] * 5, spec(with_accuracy=False)).generated_tokens == 0
    assert answering([9] * 5, spec(max_answer_tokens=8)).generated_tokens == 40


def test_a_rewrite_may_be_as_long_as_a_prompt_and_its_tags():
    assert max_rewrite_tokens(spec(max_prompt_tokens=50)) == 66
    assert max_rewrite_tokens(spec(max_prompt_tokens=5_000)) == 256


@given(st.integers(1, 400), st.integers(1, 5), st.integers(1, 6))
def test_the_smallest_budget_grows_with_what_may_be_asked(limit, hard, variants):
    small = minimum_budget(
        COUNTS, spec(max_prompt_tokens=limit, hard_examples=hard, variants=variants), SequentialHalving()
    )
    large = minimum_budget(
        COUNTS, spec(max_prompt_tokens=limit + 1, hard_examples=hard, variants=variants + 1), SequentialHalving()
    )
    assert small.scored_tokens < large.scored_tokens
    assert small.generated_tokens < large.generated_tokens


def test_a_pair_grows_by_the_longest_prompt_twice():
    pairs = TokenCounts(COUNTS.train, COUNTS.validation, COUNTS.test, prompt=5, max_row_targets=2)
    _, after = final_scoring(pairs, spec(max_prompt_tokens=15))
    assert after.scored_tokens == 120 + 5 * 2 * (10 + 4)


@pytest.mark.parametrize("name", ["race", "full"])
def test_a_policy_that_may_score_everything_is_budgeted_for_it(name):
    counts = TokenCounts([10] * 50, [11, 13], [20] * 5, prompt=5)
    limits = spec(max_prompt_tokens=5)
    halving, other = (minimum_budget(counts, limits, policy_of(policy)) for policy in ("halving", name))
    saved_cells = 12 * 50 - SequentialHalving().max_cells(12, 50)
    assert other.scored_tokens - halving.scored_tokens == saved_cells * (10 + 4)


def test_the_most_targets_of_all_sets_count():
    pair, three = Example(0, "x", ("a", "b")), Example(1, "y", ("a", "b", "c"))
    assert most_targets(Splits((pair,), (pair,))) == 2
    assert most_targets(Splits((pair,), (pair,), (three,))) == 3
