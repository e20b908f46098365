from itertools import pairwise

import numpy as np
import pytest

from benchmarks.selecting.desk import Desk
from benchmarks.selecting.known import Known
from benchmarks.selecting.policies import POLICIES, REFERENCE, critical_t, significantly_worse
from benchmarks.selecting.replay import Replays, replay
from pmpo.optim.race import paired_p_value, student_survival
from pmpo.optim.selection import SequentialHalving
from tests.unit.benchmarks.world import PRICES, known_pool, noisy_pool


def run(name: str, known: Known, num_shuffles: int = 30) -> Replays:
    return replay(POLICIES[name], known, PRICES, num_shuffles, seed=0)


@pytest.mark.parametrize("name", POLICIES)
def test_a_clear_winner_is_picked(name: str) -> None:
    losses = np.full((12, 40), 2.0) + np.random.default_rng(0).normal(0, 0.01, (12, 40))
    losses[7] = 0.1
    picks = run(name, known_pool(losses)).picks
    assert picks == [7] * 30


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_seed_gives_the_same_traces_and_spending_only_grows(name: str) -> None:
    known = noisy_pool()
    traces = run(name, known, 5).traces
    assert traces == run(name, known, 5).traces
    for trace in traces:
        assert trace[0].pick == 0
        assert trace[0].seconds == 0
        assert all(before.seconds <= after.seconds for before, after in pairwise(trace))
        assert trace[-1].cells <= known.losses.size
        assert (trace[-1].scored_tokens > 0) == name.startswith("loss")
        assert (trace[-1].generated_tokens > 0) == name.startswith("answers")


def test_all_asks_everything_once() -> None:
    known = noisy_pool()
    end = run(REFERENCE, known, 1).traces[0][-1]
    assert end.cells == known.losses.size
    assert end.pick == known.losses.mean(axis=1).argmin()
    assert end.scored_tokens == known.item_tokens.sum()


def test_halving_asks_what_its_rungs_say() -> None:
    known = noisy_pool(num_candidates=13, num_examples=50)
    asked = {trace[-1].cells for trace in run("loss: halving", known).traces}
    assert asked == {13 * 8 + 7 * 8 + 4 * 16 + 2 * 18}
    assert max(asked) <= SequentialHalving().max_cells(13, 50)


def test_halving_and_race_mostly_find_the_winner_of_full_scoring() -> None:
    known = noisy_pool()
    best = int(known.losses.mean(axis=1).argmin())
    for name in ("loss: halving", "loss: race"):
        assert np.mean([pick == best for pick in run(name, known, 100).picks]) > 0.9


def test_the_gate_evaluates_in_full_only_who_beats_the_best_on_three() -> None:
    losses = np.full((4, 12), 1.0)
    losses[1:] = 2.0
    end = run("loss: gate of 3", known_pool(losses), 1).traces[0][-1]
    assert end.pick == 0
    assert end.cells == 12 + 3 * 3


def test_the_bandit_keeps_to_a_third() -> None:
    known = noisy_pool()
    assert all(trace[-1].cells <= known.losses.size / 3 for trace in run("loss: UCB", known).traces)


def test_a_block_race_ends_with_one_or_with_the_examples() -> None:
    known = noisy_pool(noise=3.0)
    for trace in run("loss: block race", known).traces:
        assert 24 * 10 <= trace[-1].cells <= known.losses.size


def test_the_critical_t_is_where_the_tail_has_its_share() -> None:
    assert student_survival(critical_t(0.2, 9), 9) == pytest.approx(0.2)
    assert critical_t(0.025, 10) == pytest.approx(2.2281, abs=1e-3)


def test_worse_is_what_the_paired_test_says() -> None:
    cells = np.random.default_rng(3).normal(0, 1, (6, 20)) + np.linspace(0, 1, 6)[:, None]
    worse = significantly_worse(cells, 0.2)
    for row in range(6):
        for other in range(6):
            p_value = 1.0 if row == other else paired_p_value(cells[row] - cells[other], 10**9)
            assert worse[row, other] == (p_value < 0.2)


def test_a_cell_is_charged_once() -> None:
    desk = Desk(noisy_pool(), PRICES, range(24), range(48))
    first = desk.ask("loss", [1, 2], [0, 1])
    spent = (desk.seconds, desk.scored_tokens, desk.cells)
    assert (desk.ask("loss", [1, 2], [0, 1]) == first).all()
    assert (desk.seconds, desk.scored_tokens, desk.cells) == spent
    desk.ask("loss", [1, 2], [0, 1, 2])
    assert desk.cells == 6
    desk.ask("error", [1], [0])
    assert desk.cells == 7
