"""Which hard examples are shown."""

import numpy as np

from pmpo.optim.hard_examples import Thompson, TopLoss, hardest

LOSSES = [0.1, 0.9, 0.5, 0.9, 0.7, 0.3, 0.2, 0.6]


def choose(policy, count=2, iteration=1, seed=0, losses=LOSSES):
    return policy.choose(losses, count, iteration, np.random.default_rng(seed))


def test_the_hardest_come_first_and_ties_in_order():
    assert hardest(LOSSES, 3) == (1, 3, 4)
    assert choose(TopLoss(), 3) == (1, 3, 4)


def test_thompson_chooses_among_three_times_as_many():
    seen = {position for seed in range(60) for position in choose(Thompson(), 2, seed=seed)}
    assert seen == {1, 3, 4, 7, 2, 5}


def test_the_same_draws_choose_the_same():
    assert choose(Thompson(), seed=5) == choose(Thompson(), seed=5)


def test_what_never_helped_is_chosen_less_than_what_did():
    policy = Thompson()
    for iteration in range(1, 9):
        policy.learn({1: [False] * 4, 2: [True] * 4}, 2, iteration)
    counts = dict.fromkeys(range(8), 0)
    for seed in range(100):
        for position in choose(policy, 2, iteration=20, seed=seed):
            counts[position] += 1
    assert counts[2] > 80
    assert counts[1] < 10


def test_shown_twice_in_vain_rests_for_two_iterations():
    policy = Thompson()
    policy.learn({1: [True]}, None, 1)
    assert any(1 in choose(policy, 2, iteration=2, seed=seed) for seed in range(30))
    policy.learn({1: [True]}, None, 2)
    for iteration in (3, 4):
        assert not any(1 in choose(policy, 2, iteration=iteration, seed=seed) for seed in range(30))
    assert any(1 in choose(policy, 2, iteration=5, seed=seed) for seed in range(30))


def test_an_accepted_rewrite_counts_the_showings_anew():
    policy = Thompson()
    policy.learn({1: [True]}, None, 1)
    policy.learn({1: [True]}, 1, 2)
    policy.learn({1: [True]}, None, 3)
    assert any(1 in choose(policy, 2, iteration=4, seed=seed) for seed in range(30))


def test_with_fewer_others_than_needed_resting_examples_are_shown_all_the_same():
    policy = Thompson()
    for iteration in (1, 2):
        policy.learn({0: [False], 1: [False]}, None, iteration)
    assert choose(policy, 2, iteration=3, losses=[0.5, 0.4]) == (0, 1)
