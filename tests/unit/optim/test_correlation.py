"""Rank correlation against sums done by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.optim.correlation import rank_correlation, ranks_of


def test_ties_share_their_mean_rank():
    assert ranks_of(np.array([3.0, 1.0, 3.0, 0.5, 3.0])).tolist() == [3.0, 1.0, 3.0, 0.0, 3.0]


def test_a_case_with_ties_computed_by_hand():
    """Ranks 0, 1.5, 1.5, 3 and 3, 1, 2, 0 (means 1.5): sum of products -4.5, sums of squares 4.5 and 5."""
    losses, accuracies = [0.2, 0.9, 0.9, 1.7], [0.8, 0.4, 0.5, 0.1]
    assert rank_correlation(losses, accuracies) == pytest.approx(-4.5 / (4.5 * 5) ** 0.5)


def test_ties_in_both():
    """Ranks 0.5, 0.5, 2, 3 and 2.5, 2.5, 1, 0: sum of products -4.5 on both sides' 4.5, so a perfect inverse order."""
    assert rank_correlation([1, 1, 2, 3], [0.9, 0.9, 0.5, 0.1]) == pytest.approx(-1.0)


def test_the_same_order_is_one_whatever_the_distances():
    assert rank_correlation([1, 2, 3], [10, 20, 90]) == pytest.approx(1.0)


@pytest.mark.parametrize(("first", "second"), [([], []), ([1.0], [2.0]), ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])])
def test_where_it_means_nothing_it_is_none(first, second):
    assert rank_correlation(first, second) is None
    assert rank_correlation(second, first) is None


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=12), st.randoms())
def test_it_is_symmetric_bounded_and_blind_to_order(pairs, shuffler):
    first, second = zip(*pairs, strict=True)
    found = rank_correlation(first, second)
    assert found == pytest.approx(rank_correlation(second, first)) if found is not None else True
    shuffled = shuffler.sample(pairs, len(pairs))
    again = rank_correlation(*zip(*shuffled, strict=True))
    assert (found is None) == (again is None)
    if found is not None:
        assert -1.0 <= found <= 1.0
        assert again == pytest.approx(found)
