"""Preference and multiple-choice losses against hand-computed numbers and torch."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.errors import InvalidInputError, NonFiniteScoreError
from pmpo.optim.preference import MultipleChoice, Preference, option_cross_entropy, softplus
from pmpo.optim.types import Example, ModelIdentity, Scores


def scores(*cells):
    """One prompt; each cell is ((sum, tokens), ...)."""
    sums = tuple(tuple(value for value, _ in cell) for cell in cells)
    counts = tuple(tuple(num for _, num in cell) for cell in cells)
    return Scores((sums,), (counts,), 0, 0, ModelIdentity("m", "r", "d", "e"))


def pairs(*margins):
    """One example a margin."""
    return [Example(row, "x", ("yes", "no"), margin=margin) for row, margin in enumerate(margins)]


ONE, TWO = pairs(0.0), pairs(0.0, 0.0)


def sigmoid_loss(margin):
    return -math.log(1 / (1 + math.exp(-margin)))


def test_dpo_is_minus_log_sigmoid_of_the_difference_of_sums():
    found = Preference("dpo", beta=0.5).losses(scores(((-3.0, 4), (-5.0, 4))), ONE)
    assert found[0, 0] == pytest.approx(sigmoid_loss(0.5 * 2.0))


def test_mean_margin_divides_by_tokens_and_takes_the_margin_off():
    found = Preference("mean_margin", beta=2.0, gamma=0.3).losses(scores(((-3.0, 3), (-8.0, 4))), ONE)
    assert found[0, 0] == pytest.approx(sigmoid_loss(2.0 * (-1.0 + 2.0) - 0.3))


def test_lmpo_is_its_published_formula():
    beta, ratio = 2.5, 0.55
    found = Preference("lmpo", beta=beta, gamma_ratio=ratio).losses(scores(((-3.0, 3), (-8.0, 4))), ONE)
    h = math.exp(beta * ratio)
    assert found[0, 0] == pytest.approx(-math.log(1 / (1 + h * math.exp(-beta * (-1.0 + 2.0)))))


def test_auto_takes_means_where_lengths_differ_by_more_than_a_fifth():
    pair_alike, pair_unlike = ((-3.0, 10), (-5.0, 12)), ((-3.0, 10), (-5.0, 13))
    found = Preference("auto").losses(scores(pair_alike, pair_unlike), TWO)
    assert found[0, 0] == pytest.approx(Preference("dpo").losses(scores(pair_alike), ONE)[0, 0])
    assert found[0, 1] == pytest.approx(Preference("mean_margin").losses(scores(pair_unlike), ONE)[0, 0])


def test_option_cross_entropy_equals_torchs():
    torch = pytest.importorskip("torch")
    options = np.array([-4.0, -2.5, -7.0, -3.0])
    expected = torch.nn.functional.cross_entropy(torch.tensor(options)[None], torch.tensor([0])).item()
    assert option_cross_entropy(options[None, None])[0, 0] == pytest.approx(expected)


def test_rows_may_differ_in_their_number_of_options():
    found = MultipleChoice("cross_entropy").losses(
        scores(((-1.0, 1), (-1.0, 1)), ((-1.0, 1), (-1.0, 1), (-1.0, 1))), ONE
    )
    assert found[0].tolist() == pytest.approx([math.log(2), math.log(3)])


def test_pairs_are_the_mean_over_the_distractors():
    found = MultipleChoice("pairs").losses(scores(((-1.0, 1), (-2.0, 1), (-4.0, 1))), ONE)
    assert found[0, 0] == pytest.approx((sigmoid_loss(1.0) + sigmoid_loss(3.0)) / 2)


def test_very_unlikely_answers_do_not_overflow():
    found = Preference("dpo").losses(scores(((-1e6, 10), (-1.0, 10)), ((-1.0, 10), (-1e6, 10))), TWO)
    assert found[0].tolist() == [999_999.0, 0.0]
    assert option_cross_entropy(np.array([[[-1e6, -1.0]]]))[0, 0] == pytest.approx(999_999.0)


@given(st.floats(-50, 50), st.floats(0.01, 20))
def test_a_likelier_chosen_answer_never_costs_more(start, gain):
    for form in ("dpo", "mean_margin", "lmpo", "auto"):
        low, high = (
            Preference(form).losses(scores(((value, 9), (-3.0, 10))), ONE)[0, 0] for value in (start, start + gain)
        )
        assert high <= low


def test_softplus_at_zero():
    assert softplus(np.array([0.0]))[0] == pytest.approx(math.log(2))


def test_what_is_no_pair_or_no_number_is_refused():
    with pytest.raises(InvalidInputError, match="exactly two targets"):
        Preference().losses(scores(((-1.0, 1),)), ONE)
    with pytest.raises(NonFiniteScoreError):
        Preference().losses(scores(((math.nan, 1), (-1.0, 1))), ONE)
    with pytest.raises(NonFiniteScoreError):
        MultipleChoice("cross_entropy").losses(scores(((math.nan, 1), (-1.0, 1))), ONE)
    with pytest.raises(InvalidInputError, match="beta is 0"):
        Preference(beta=0)


def random_pairs():
    """Sums, token counts, margins and scores of eight pairs under three prompts."""
    rng = np.random.default_rng(3)
    sums, counts = rng.normal(-20, 8, (3, 8, 2)), rng.integers(1, 30, (1, 8, 2)).repeat(3, axis=0)
    made = Scores(
        tuple(tuple(tuple(map(float, cell)) for cell in row) for row in sums),
        tuple(tuple(tuple(map(int, cell)) for cell in row) for row in counts),
        0,
        0,
        ModelIdentity("m", "r", "d", "e"),
    )
    return sums, counts, rng.uniform(0, 2, 8), made


def test_every_form_equals_torchs_logsigmoid():
    torch = pytest.importorskip("torch")
    sums, counts, margins, made = random_pairs()
    by_sum = torch.tensor(sums[..., 0] - sums[..., 1])
    by_mean = torch.tensor(sums[..., 0] / counts[..., 0] - sums[..., 1] / counts[..., 1])
    own = torch.tensor(margins)
    unlike = torch.tensor(counts.max(-1) > 1.2 * counts.min(-1))
    assert unlike.any() and not unlike.all()
    expected = {
        "dpo": 0.7 * by_sum - own,
        "mean_margin": 0.7 * by_mean - 0.4 - own,
        "lmpo": 0.7 * by_mean - 0.7 * 0.5 - own,
        "auto": torch.where(unlike, 0.7 * by_mean - 0.4 - own, 0.7 * by_sum - own),
    }
    for form, inside in expected.items():
        found = Preference(form, beta=0.7, gamma=0.4, gamma_ratio=0.5).losses(made, pairs(*margins))
        np.testing.assert_allclose(found, -torch.nn.functional.logsigmoid(inside).numpy(), rtol=1e-12)


def test_a_margin_is_taken_off_under_the_sigmoid():
    cell = ((-3.0, 4), (-5.0, 4))
    found = Preference("dpo").losses(scores(cell, cell), pairs(0.0, 1.5))
    assert found[0].tolist() == pytest.approx([sigmoid_loss(2.0), sigmoid_loss(0.5)])
    found = Preference("mean_margin", gamma=0.1).losses(scores(cell), pairs(0.2))
    assert found[0, 0] == pytest.approx(sigmoid_loss(0.5 - 0.1 - 0.2))
    found = Preference("lmpo", beta=2.0, gamma_ratio=0.3).losses(scores(cell), pairs(0.2))
    assert found[0, 0] == pytest.approx(-math.log(1 / (1 + math.exp(2.0 * 0.3 + 0.2) * math.exp(-2.0 * 0.5))))


def test_pairs_of_options_equal_torchs_logsigmoid():
    torch = pytest.importorskip("torch")
    options = torch.tensor([-4.0, -2.5, -7.0, -3.0], dtype=torch.float64)
    expected = -torch.nn.functional.logsigmoid(0.3 * (options[0] - options[1:])).mean().item()
    found = MultipleChoice("pairs", beta=0.3).losses(scores(tuple((float(value), 2) for value in options)), ONE)
    assert found[0, 0] == pytest.approx(expected, abs=1e-12)


def test_a_pair_is_won_by_the_mean_and_options_by_the_sum():
    long_and_good = ((-6.0, 12), (-5.0, 5))
    assert Preference("dpo").wins(scores(long_and_good, ((-5.0, 5), (-5.0, 5)))).tolist() == [[True, False]]
    assert MultipleChoice().wins(scores(long_and_good, ((-1.0, 1), (-2.0, 1), (-0.5, 1)))).tolist() == [[False, False]]
    assert MultipleChoice().wins(scores(((-1.0, 1), (-2.0, 1), (-1.5, 1)))).tolist() == [[True]]
