"""Measuring: cells are paid once, and never over a cap."""

import dataclasses

import numpy as np
import pytest

from pmpo.errors import UpstreamError
from pmpo.optim.budget import Ledger
from pmpo.optim.journal import JournaledPorts, SearchPorts
from pmpo.optim.losses import Supervised
from pmpo.optim.meter import BudgetExhaustedError, LossTable, Meter
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.types import Example, GenerationRequest, Message, Prices
from pmpo.testing.ports import ExactGrader, FakeClock, FakeScorer, MemoryJournal, ScriptedGenerator

EXAMPLES = tuple(Example(row, f"in {row}", (f"out {row}",)) for row in range(6))


def meter(caps=None, scorer=None, grader=None, prices=None, generator=None):
    scorer = scorer or FakeScorer({"A.": 0.5})
    generator = generator or ScriptedGenerator(lambda request, rng: "out 1")
    ledger = Ledger(caps or BudgetCaps(), prices)
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


class Greedy(ScriptedGenerator):
    """Counts more prompt tokens than the text has bytes."""

    async def generate(self, requests):
        answers = await ScriptedGenerator.generate(self, requests)
        return [[dataclasses.replace(found, num_prompt_tokens=10**6) for found in row] for row in answers]


PRICES = Prices(answering=1.0, answering_prompt=0.5)


async def test_prompt_tokens_are_charged_once_a_request_however_many_the_samples():
    measuring, ledger, _ = meter(prices=Prices(rewriting=2.0, rewriting_prompt=0.5))
    request = GenerationRequest((Message("user", "one two three"),), 4, 8, 1.0, 1.0, seed=1)
    await measuring.rewrites([request, request])
    assert ledger.used.money_pico == (2 * 4 * 2) * 2_000_000 + (2 * 3) * 500_000


async def test_a_generator_that_counts_more_than_the_text_has_room_for_breaks_no_cap_on_money():
    generator = Greedy(lambda request, rng: "out 1")
    capped, _, _ = meter(BudgetCaps(money=1.0), grader=ExactGrader(), prices=PRICES, generator=generator)
    with pytest.raises(UpstreamError, match="prompt tokens where at most"):
        await capped.accuracy("A.", LossTable(EXAMPLES), 5)
    free, ledger, _ = meter(grader=ExactGrader(), prices=PRICES, generator=generator)
    await free.accuracy("A.", LossTable(EXAMPLES), 5)
    assert ledger.spent(0.0).money == pytest.approx(6 * 0.5 + 12e-6)
