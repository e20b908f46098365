"""Money: exact sums, caps that hold, refusals that name what would do."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.errors import BudgetTooSmallError
from pmpo.optim.budget import Ledger, require
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.tariff import PICO, Reservation, Tariff, money_cap_pico
from pmpo.optim.types import Prices

PRICES = Prices(scored=0.1, rewriting=2.0, rewriting_prompt=0.5, answering=1.0, answering_prompt=0.25)


def test_each_kind_of_token_has_its_price():
    tariff = Tariff(PRICES)
    assert tariff.scoring(10) == Reservation(10, 0, 1_000_000)
    assert tariff.rewriting(10, 4) == Reservation(0, 10, 22_000_000)
    assert tariff.answering(10, 4) == Reservation(0, 10, 11_000_000)


def test_without_prices_nothing_costs_and_nothing_is_said_of_money():
    assert Tariff(None).rewriting(5, 5).money_pico == 0
    assert Ledger(BudgetCaps()).spent(1.0).money is None
    assert Ledger(BudgetCaps(), PRICES).spent(1.0).money == 0.0


@given(st.floats(0, 1e4, allow_nan=False), st.integers(0, 10**9))
def test_a_price_is_never_rounded_down(price, tokens):
    exact = Fraction(str(price)) * tokens / 10**6
    assert Tariff(Prices(scored=price)).scoring(tokens).money_pico >= exact * PICO


@given(st.floats(0, 1e9, allow_nan=False))
def test_a_cap_is_never_rounded_up(cap):
    assert money_cap_pico(cap) <= Fraction(str(cap)) * PICO


@given(
    st.floats(0.0001, 0.01),
    st.lists(st.tuples(st.integers(0, 900), st.floats(0, 1), st.booleans(), st.booleans()), max_size=40),
)
def test_with_calls_under_way_money_is_never_exceeded(cap, steps):
    ledger = Ledger(BudgetCaps(money=cap), PRICES)
    for tokens, share, is_scoring, is_settled in steps:
        call = ledger.tariff.scoring if is_scoring else (lambda count: ledger.tariff.rewriting(count, 2 * count))
        held = ledger.try_reserve(call(tokens))
        if held is not None and is_settled:
            ledger.settle(held, call(int(tokens * share)))
        assert ledger.used.money_pico / PICO <= cap


def test_the_refusal_names_the_smallest_cap_that_would_do():
    needed = Reservation(money_pico=1_234_567_890_123)
    with pytest.raises(BudgetTooSmallError, match=r"money 1 \(at least 1\.234568\)"):
        require(BudgetCaps(money=1.0), needed)
    require(BudgetCaps(money=1.234568), needed)
