"""Stop rules: every reason, their order, and which incumbent a search ends with."""

import dataclasses
from itertools import pairwise

import pytest

from pmpo.optim.events import Candidate
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.runners_up import RunnersUp
from pmpo.optim.spec import SearchSpec
from pmpo.optim.stopping import Divergence, Incumbent, Standing, StopRules, best_of

GOING = Standing(3, 1.0, 0.5, 10, 0, 0, 0)


def rules(**changes):
    return StopRules(SearchSpec("Do it.", MetaPrompt("s", "{{prompt}}"), iterations=20, **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"validation_accuracy": None}, None),
        ({"validation_accuracy": 1.0}, "perfect"),
        ({"validation_accuracy": 1.0, "num_validation": 4}, None),
        ({"train_loss": 0.25}, "target"),
        ({"num_divergences": 1}, None),
        ({"num_divergences": 2}, "diverged"),
        ({"iteration": 20}, "iterations"),
        ({"rounds_without": 5}, None),
        ({"rounds_without": 6}, "patience"),
        ({"rounds_without": 6, "barren_rounds": 5}, "patience"),
        ({"rounds_without": 6, "barren_rounds": 6}, "no_rewrites"),
        ({"rounds_without": 3, "barren_rounds": 10}, "no_rewrites"),
        ({"rounds_without": 6, "iteration": 20}, "iterations"),
        ({"train_loss": 0.25, "validation_accuracy": 1.0}, "perfect"),
    ],
)
def test_reasons(changes, reason):
    assert rules(patience=6, target_loss=0.25).reason(dataclasses.replace(GOING, **changes)) == reason


def test_with_long_patience_ten_barren_rounds_are_enough():
    patient = rules(patience=50)
    barren = [dataclasses.replace(GOING, rounds_without=count, barren_rounds=count) for count in range(12)]
    assert [patient.reason(standing) for standing in barren].index("no_rewrites") == 10


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, False),
        ({"rounds_without": 6}, True),
        ({"rounds_without": 6, "barren_rounds": 6}, True),
        ({"rounds_without": 10, "barren_rounds": 10}, False),
        ({"rounds_without": 6, "iteration": 20}, False),
        ({"rounds_without": 6, "num_divergences": 2}, False),
    ],
)
def test_only_patience_alone_may_be_followed_by_a_restart(changes, may):
    assert rules(patience=6).may_restart(dataclasses.replace(GOING, **changes)) is may


@pytest.mark.parametrize(
    ("accuracies", "count"),
    [
        ([0.5, 0.6, 0.7], 0),
        ([0.5, 0.4], 1),
        ([0.5, 0.4, 0.3], 2),
        ([0.5, 0.4, 0.4, 0.3], 2),
        ([0.5, 0.4, 0.6, 0.5], 1),
        ([None, None], 0),
    ],
)
def test_divergence_counts_falls_that_no_rise_came_between(accuracies, count):
    divergence = Divergence()
    for before, after in pairwise(accuracies):
        divergence.note(before, after)
    assert divergence.count == count


def incumbent(number, train, validation, accuracy=None):
    return Incumbent(Candidate(number, f"p{number}"), train, validation, accuracy)


def test_the_end_is_the_lowest_validation_loss_of_what_is_no_worse_than_the_seed():
    seed = incumbent(0, 2.0, 2.0, 0.2)
    row = [seed, incumbent(1, 1.0, 1.5, 0.5), incumbent(2, 2.5, 1.0, 0.9), incumbent(3, 1.2, 1.5, 0.4)]
    assert best_of([seed], None) == seed
    assert best_of(row, "iterations").candidate.id == 1
    assert best_of(row, "diverged").candidate.id == 1
    assert best_of(row, "perfect").candidate.id == 3
    assert best_of([*row, incumbent(4, 1.9, 1.4, 0.1)], "patience").candidate.id == 4


def test_after_diverging_the_best_by_accuracy_is_returned_and_ties_go_to_the_lower_loss():
    row = [incumbent(0, 2.0, 2.0, 0.5), incumbent(1, 1.5, 1.5, 0.7), incumbent(2, 1.2, 1.2, 0.7)]
    row += [incumbent(3, 1.0, 1.0, 0.6), incumbent(4, 0.9, 0.9, 0.3)]
    assert best_of(row, "diverged").candidate.id == 2


def test_runners_up_are_few_good_and_taken_once():
    pool = RunnersUp(size=2)
    for number, loss in enumerate([3.0, 1.0, 2.0, 2.0, 4.0]):
        pool.offer(Candidate(number, f"p{number}"), loss)
    assert len(pool) == 2
    assert [taken.id if taken else None for taken in (pool.try_take(), pool.try_take(), pool.try_take())] == [
        1,
        2,
        None,
    ]
