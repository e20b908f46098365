"""Measures: losses by the scorer, errors by answers; each cell once."""

import math

import numpy as np
import pytest

from pmpo.baselines.measures import ErrorMeasure, LossMeasure
from pmpo.optim.answers import accuracy, answer_requests
from pmpo.optim.budget import Ledger
from pmpo.optim.journal import JournaledPorts
from pmpo.optim.losses import Supervised
from pmpo.optim.meter import BudgetExhaustedError, LossTable, Meter
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.types import Example
from pmpo.testing.ports import ExactGrader
from tests.unit.baselines.world import World, examples

GOOD = "Sort the words. Use commas. Reply in capitals."
ROWS = (*examples(7), Example(7, "w7 x7", ("x7 w7",), weight=5.0))


def setting(caps=None):
    world = World()
    ledger = Ledger(caps or BudgetCaps())
    meter = Meter(JournaledPorts(world.ports), ledger, Supervised(), ExactGrader())
    return world, ledger, meter


async def test_errors_are_one_minus_the_grades_of_greedy_answers():
    world, ledger, meter = setting()
    measure = ErrorMeasure(meter, ROWS, ExactGrader(), 8)
    await measure.measure([GOOD, "Use commas."])
    for prompt in (GOOD, "Use commas."):
        answers = await world.target.generate(answer_requests(prompt, ROWS, 8))
        assert 1 - measure.table.mean(prompt) == pytest.approx(accuracy(ROWS, answers, ExactGrader()))
    assert {request.temperature for request in world.target.requests} == {0.0}
    assert measure.fitness(0.25) == 0.75
    assert ledger.generated_tokens > 0


async def test_no_answer_is_paid_for_twice():
    world, _, meter = setting()
    measure = ErrorMeasure(meter, ROWS, ExactGrader(), 8)
    await measure.measure([GOOD, GOOD], [0, 2])
    await measure.measure([GOOD])
    await measure.measure([GOOD])
    assert [request.messages[-1].content for request in world.target.requests] == [
        ROWS[row].input for row in (0, 2, 1, 3, 4, 5, 6, 7)
    ]


async def test_answers_that_do_not_fit_are_not_asked_for():
    world, _, meter = setting(BudgetCaps(generated_tokens=8 * len(ROWS) - 1))
    measure = ErrorMeasure(meter, ROWS, ExactGrader(), 8)
    with pytest.raises(BudgetExhaustedError):
        await measure.measure([GOOD])
    assert world.target.requests == []
    assert np.isnan(measure.table.row(GOOD)).all()


async def test_losses_are_the_objectives_and_fitness_their_likelihood():
    world, _, meter = setting()
    measure = LossMeasure(meter, LossTable(ROWS))
    await measure.measure([GOOD])
    assert measure.table.row(GOOD) == pytest.approx([world.scorer.loss(GOOD, row) for row in ROWS])
    assert measure.fitness(0.5) == pytest.approx(math.exp(-0.5))
    assert measure.fitness(-3.0) == 1.0
