"""Measuring: cells are paid once, and never over a cap."""

import numpy as np
import pytest

from pmpo.errors import UpstreamError
from pmpo.optim.budget import Ledger
from pmpo.optim.journal import JournaledPorts, SearchPorts
from pmpo.optim.losses import Supervised
from pmpo.optim.meter import BudgetExhaustedError, LossTable, Meter
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.types import Example
from pmpo.testing.ports import ExactGrader, FakeClock, FakeScorer, MemoryJournal, ScriptedGenerator

EXAMPLES = tuple(Example(row, f"in {row}", (f"out {row}",)) for row in range(6))


def meter(caps=None, scorer=None, grader=None):
    scorer = scorer or FakeScorer({"A.": 0.5})
    generator = ScriptedGenerator(lambda request, rng: "out 1")
    ledger = Ledger(caps or BudgetCaps())
    ports = SearchPorts(scorer, generator, generator, FakeClock(), MemoryJournal())
    return Meter(JournaledPorts(ports), ledger, Supervised(), grader), ledger, scorer


async def test_cells_are_filled_where_asked_and_only_there():
    measuring, _, scorer = meter()
    table = LossTable(EXAMPLES)
    await measuring.measure(table, ["A.", "B."], [4, 1])
    assert np.isnan(table.row("A.")).tolist() == [True, False, True, True, False, True]
    assert table.row("B.")[4] == pytest.approx(scorer.loss("B.", EXAMPLES[4]))


async def test_a_known_cell_is_never_paid_again():
    measuring, ledger, scorer = meter()
    table = LossTable(EXAMPLES)
    await measuring.measure(table, ["A."])
    spent, calls = ledger.scored_tokens, scorer.num_calls
    await measuring.measure(table, ["A.", "A."], [0, 3])
    assert (ledger.scored_tokens, scorer.num_calls) == (spent, calls)


async def test_equal_prompts_are_scored_once():
    measuring, ledger, scorer = meter()
    await measuring.measure(LossTable(EXAMPLES), ["A.", "A."])
    assert ledger.scored_tokens == scorer.num_scored == sum((await scorer.num_scored_tokens(["A."], EXAMPLES))[0])


async def test_what_does_not_fit_is_not_asked():
    measuring, ledger, scorer = meter(BudgetCaps(scored_tokens=10))
    with pytest.raises(BudgetExhaustedError):
        await measuring.measure(LossTable(EXAMPLES), ["A."])
    assert (ledger.scored_tokens, scorer.num_calls) == (0, 0)


async def test_a_scorer_that_counts_otherwise_than_it_said_is_refused():
    class Lying(FakeScorer):
        async def score(self, prompts, examples):
            import dataclasses

            honest = await FakeScorer.score(self, prompts, examples)
            return dataclasses.replace(honest, scored_tokens=honest.scored_tokens + 1)

    measuring, _, _ = meter(scorer=Lying({}))
    with pytest.raises(UpstreamError, match="tokens beforehand"):
        await measuring.measure(LossTable(EXAMPLES), ["A."])


async def test_accuracy_is_the_mean_grade_and_none_without_a_metric():
    measuring, ledger, _ = meter(grader=ExactGrader())
    assert await measuring.accuracy("A.", LossTable(EXAMPLES), 5) == pytest.approx(1 / 6)
    assert ledger.generated_tokens == 12
    without, _, _ = meter()
    assert await without.accuracy("A.", LossTable(EXAMPLES), 5) is None
