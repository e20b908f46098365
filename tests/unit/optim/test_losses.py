"""Losses against hand-computed numbers and against torch."""

import math

import numpy as np
import pytest

from pmpo.errors import NonFiniteScoreError
from pmpo.optim.losses import Supervised, batch_loss, check_finite
from pmpo.optim.types import Example, ModelIdentity, Scores

EXAMPLES = (Example(0, "a", ("Zürich",)), Example(1, "b", ("Oslo",)))


def scores(sums, counts):
    as_cells = lambda rows: tuple(tuple((value,) for value in row) for row in rows)  # noqa: E731
    return Scores(as_cells(sums), as_cells(counts), 0, 0, ModelIdentity("m", "r", "d", "e"))


def test_token_mean_is_minus_the_sum_over_the_count():
    losses = Supervised().losses(scores([[-3.0, -1.0], [-6.0, 0.0]], [[3, 2], [2, 5]]), EXAMPLES)
    assert losses.tolist() == [[1.0, 0.5], [3.0, 0.0]]


def test_token_mean_equals_torchs_cross_entropy():
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 11, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, 11, (7,), generator=generator)
    total = logits.log_softmax(-1)[torch.arange(7), targets].sum().item()
    expected = torch.nn.functional.cross_entropy(logits, targets).item()
    assert Supervised().losses(scores([[total]], [[7]]), EXAMPLES[:1])[0, 0] == pytest.approx(expected, abs=1e-12)


def test_token_sum_and_byte_mean_divide_by_nothing_and_by_the_targets_bytes():
    given = scores([[-3.5, -1.0]], [[3, 2]])
    assert Supervised("token_sum").losses(given, EXAMPLES).tolist() == [[3.5, 1.0]]
    assert Supervised("byte_mean").losses(given, EXAMPLES).tolist() == [[0.5, 0.25]]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_an_error(value):
    with pytest.raises(NonFiniteScoreError):
        Supervised().losses(scores([[value]], [[3]]), EXAMPLES[:1])


def test_a_target_of_no_tokens_is_an_error():
    with pytest.raises(NonFiniteScoreError):
        Supervised().losses(scores([[-1.0]], [[0]]), EXAMPLES[:1])


def test_the_batch_loss_is_the_weighted_mean():
    assert batch_loss(np.array([1.0, 2.0]), np.array([1.0, 1.0])) == 1.5
    assert batch_loss(np.array([1.0, 2.0]), np.array([3.0, 1.0])) == 1.25


@pytest.mark.parametrize(("value", "count"), [(math.nan, 3), (-math.inf, 3), (-1.0, 0)])
def test_a_number_that_is_none_is_refused_with_its_row_and_prompt(value, count):
    given = scores([[-1.0, -1.0], [-1.0, value]], [[3, 2], [3, count]])
    with pytest.raises(NonFiniteScoreError, match=r"row 1 \(from 0\) under the prompt 'Say more\.'; look at the model"):
        check_finite(given, ["Say.", "Say more."], EXAMPLES)
    check_finite(scores([[-1.0, -2.0]], [[3, 2]]), ["Say."], EXAMPLES)
