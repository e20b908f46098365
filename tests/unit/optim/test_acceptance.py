"""Acceptance, the permutation test, its interval and the verdict."""

import itertools

import numpy as np
import pytest

from pmpo.optim.acceptance import AcceptanceRule, compare, sign_flip_p_value, typical_interval, verdict_of


def enumerated_p_value(differences):
    """The definition, by brute force."""
    sums = [np.dot(signs, differences) for signs in itertools.product((1, -1), repeat=len(differences))]
    return np.mean([value <= sum(differences) + 1e-12 for value in sums])


def test_the_p_value_is_the_share_of_sign_flips_at_least_as_good():
    differences = np.array([-0.5, -0.2, 0.1, -0.4, -0.3, 0.05])
    assert sign_flip_p_value(differences, 0) == pytest.approx(enumerated_p_value(differences))


def test_five_improved_rows_are_just_enough():
    assert sign_flip_p_value(np.full(5, -0.1), 0) == pytest.approx(1 / 32)


def test_drawn_flips_agree_with_enumeration():
    differences = np.random.default_rng(1).normal(-0.3, 1, 14)
    larger = np.concatenate([differences, [1e-9]])
    assert sign_flip_p_value(larger, 3) == pytest.approx(sign_flip_p_value(differences, 0), abs=0.02)


def test_without_an_effect_the_test_says_confirmed_in_about_five_percent():
    rng = np.random.default_rng(0)
    confirmed = sum(sign_flip_p_value(rng.standard_t(3, 12), 0) < 0.05 for _ in range(600))
    assert 10 <= confirmed <= 50


def test_the_interval_covers_the_true_mean_in_about_95_percent():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        low, high = typical_interval(rng.normal(0.4, 1, 10), 0)
        covered += low <= 0.4 <= high
    assert 0.92 <= covered / 400 <= 0.985


def test_compare_reports_means_and_a_negative_difference_for_an_improvement():
    before, after = np.array([1.0, 2.0, 3.0, 2.0, 1.5]), np.array([0.5, 1.0, 1.0, 1.0, 0.5])
    found = compare(before, after, np.ones(5), 0)
    assert found.loss_before == pytest.approx(1.9)
    assert found.difference == pytest.approx(-1.1)
    assert found.interval[0] <= found.difference <= found.interval[1]
    assert verdict_of(found, changed=True) == "confirmed"
    assert verdict_of(found, changed=False) == "unconfirmed"
    assert verdict_of(None, changed=True) == "untested"


def test_a_weight_of_zero_takes_an_example_out_of_the_means():
    found = compare(np.array([1.0, 9.0]), np.array([0.5, 0.0]), np.array([1.0, 0.0]), 0)
    assert (found.loss_before, found.loss_after) == (1.0, 0.5)


@pytest.mark.parametrize(("after", "reason"), [(0.9, None), (0.99995, "train_loss"), (1.2, "train_loss")])
def test_the_training_loss_must_fall_by_more_than_the_noise(after, reason):
    refusal = AcceptanceRule(1e-4).check_train(1.0, after, {}, {})
    assert (refusal.reason if refusal else None) == reason


def test_an_anchor_that_gets_worse_refuses():
    refusal = AcceptanceRule(1e-4, (3,)).check_train(1.0, 0.5, {3: 0.2}, {3: 0.3})
    assert refusal.reason == "anchor"
    assert "row 3" in refusal.detail


def test_validation_may_stay_but_not_rise():
    rule = AcceptanceRule(1e-4)
    assert rule.check_validation(1.0, 1.0) is None
    assert rule.check_validation(1.0, 1.01).reason == "validation_loss"
