"""Pairs that tell no prompts apart."""

import math

import pytest

from pmpo.optim.variance import FlatPair, flat_pairs


def losses_of(*probabilities):
    return [-math.log(probability) for probability in probabilities]


def test_a_pair_that_no_prompt_moves_is_named_and_one_that_moves_is_not():
    found = flat_pairs(
        {
            9: losses_of(0.98, 0.99, 0.985, 0.99),
            2: losses_of(0.01, 0.012, 0.011, 0.01, 0.01),
            5: losses_of(0.3, 0.5, 0.4, 0.45),
        }
    )
    assert [(pair.row, pair.num_prompts) for pair in found] == [(2, 5), (9, 4)]
    assert found[0].mean_probability == pytest.approx(0.0106)


def test_the_deviation_is_the_samples_and_the_threshold_a_hundredth():
    spread = 0.0099 / math.sqrt(4 / 3)  # four values at +-spread have a sample deviation of spread * sqrt(4/3)
    (found,) = flat_pairs({0: losses_of(0.5 - spread, 0.5 - spread, 0.5 + spread, 0.5 + spread)})
    assert found.standard_deviation == pytest.approx(0.0099)
    wider = 0.0101 / math.sqrt(4 / 3)
    assert flat_pairs({0: losses_of(0.5 - wider, 0.5 - wider, 0.5 + wider, 0.5 + wider)}) == ()


def test_few_prompts_say_nothing():
    assert flat_pairs({0: losses_of(0.5, 0.5, 0.5), 1: []}) == ()
    assert flat_pairs({0: losses_of(0.5, 0.5, 0.5, 0.5)}) == (FlatPair(0, pytest.approx(0.5), 0.0, 4),)
