"""Mask analysis: signs, sizes and standard errors."""

import numpy as np
import pytest

from pmpo.optim.importance import importances, masked_prompts, units_of


def test_each_masked_prompt_lacks_its_unit_alone():
    prompt = "Sort the words. Take your time. Use commas."
    units = units_of(prompt, (), 5)
    assert masked_prompts(prompt, units) == (
        "Take your time. Use commas.",
        "Sort the words. Use commas.",
        "Sort the words. Take your time.",
    )


def test_a_unit_whose_absence_costs_is_positive_and_a_harmful_one_negative():
    units = units_of("One. Two.", (), 5)
    baseline = np.array([1.0, 2.0, 3.0])
    masked = np.array([[1.5, 2.7, 3.6], [0.9, 1.9, 2.9]])
    helps, hurts = importances(units, masked, baseline, np.ones(3))
    assert helps.delta == pytest.approx(0.6)
    assert helps.standard_error == pytest.approx(np.std([0.5, 0.7, 0.6], ddof=1) / np.sqrt(3))
    assert hurts.delta == pytest.approx(-0.1)
    assert hurts.standard_error == pytest.approx(0.0, abs=1e-12)


def test_no_units_give_no_rows():
    assert importances((), np.empty((0, 3)), np.ones(3), np.ones(3)) == ()
