import numpy as np
import pytest

from benchmarks.selecting.prices import answering_quantities, fit, scoring_quantities
from tests.unit.benchmarks.world import known_pool


def test_a_shared_beginning_is_computed_once_a_candidate() -> None:
    known = known_pool(np.zeros((3, 4)))
    known.item_tokens[:] = 30
    known.shared_tokens[:] = 20
    assert scoring_quantities(known, [0, 2], [0, 1, 3]).tolist() == [1, 2 * 20 + 6 * 10, 6]


def test_steps_are_the_longest_answer_of_each_group_of_eight() -> None:
    known = known_pool(np.zeros((1, 10)))
    known.answer_tokens[0] = [1, 9, 1, 1, 1, 1, 1, 1, 5, 4]
    known.prompt_tokens[:] = 7
    assert answering_quantities(known, 0, range(10)).tolist() == [1, 10, 70, 9 + 5]


def test_prices_that_made_the_seconds_are_found() -> None:
    quantities = np.random.default_rng(0).uniform(1, 100, (24, 3))
    prices, error = fit(quantities, quantities @ np.array([0.5, 0.02, 0.0]))
    assert prices == pytest.approx([0.5, 0.02, 0.0], abs=1e-9)
    assert error < 1e-6


def test_no_price_is_below_zero() -> None:
    quantities = np.random.default_rng(0).uniform(1, 100, (24, 3))
    seconds = quantities @ np.array([0.5, 0.02, -0.001]) + 0.1
    prices, error = fit(quantities, seconds)
    assert (prices >= 0).all()
    assert error < 0.1
