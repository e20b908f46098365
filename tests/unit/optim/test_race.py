"""Racing: its test, its correction, and how often it keeps the winner of full scoring."""

import numpy as np
import pytest

from pmpo.optim.race import Race, holm, paired_p_value, student_survival


@pytest.mark.parametrize(
    ("t", "degrees", "expected"),
    [(0.0, 5, 0.5), (2.015048, 5, 0.05), (1.833113, 9, 0.05), (-2.015048, 5, 0.95), (3.365, 5, 0.01), (1.0, 1, 0.25)],
)
def test_students_tail_against_published_quantiles(t, degrees, expected):
    assert student_survival(t, degrees) == pytest.approx(expected, abs=2e-5)


def test_holm_steps_down():
    assert holm([0.01, 0.04, 0.03], 0.05) == [True, False, False]
    assert holm([0.01, 0.04, 0.02], 0.05) == [True, True, True]
    assert holm([], 0.05) == []


def test_after_the_whole_population_nothing_is_uncertain():
    differences = np.array([0.3, -0.1, 0.2, -0.2])
    assert paired_p_value(differences, 4) == 0.0
    assert paired_p_value(-differences, 4) == 1.0
    assert paired_p_value(differences, 400) > 0.05


def test_the_leader_stays_and_only_what_is_clearly_worse_leaves():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.5, 16)
    losses = np.array([noise + 1.0 + rng.normal(0, 0.05, 16), noise + 0.2, noise + 0.21 + 0.1 * (-1) ** np.arange(16)])
    assert Race().keep(losses, 50) == (1, 2)


def test_the_race_finds_the_winner_of_full_scoring_in_95_of_100_rounds_and_saves():
    rng = np.random.default_rng(0)
    same, used = 0, 0
    for _ in range(200):
        quality = rng.normal(0.8, 0.3, 13)
        losses = quality[:, None] + rng.standard_t(3, 50)[None, :] * 0.4 + rng.standard_t(3, (13, 50)) * 0.15
        policy, alive, done = Race(), list(range(13)), 0
        for size in policy.rungs(50):
            used += len(alive) * (size - done)
            kept = policy.keep(losses[alive][:, :size], 50)
            alive, done = [alive[position] for position in kept], size
        same += alive[0] == int(np.argmin(losses.mean(axis=1)))
    assert same / 200 >= 0.95
    assert used / (200 * 13 * 50) <= 0.6
