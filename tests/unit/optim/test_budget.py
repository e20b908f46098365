"""The ledger keeps its promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.errors import BudgetTooSmallError
from pmpo.optim.budget import Ledger, Reservation, require
from pmpo.optim.spec import BudgetCaps


def test_what_is_held_counts_against_the_cap():
    ledger = Ledger(BudgetCaps(scored_tokens=100))
    held = ledger.try_reserve(Reservation(60))
    assert held is not None
    assert ledger.try_reserve(Reservation(41)) is None
    assert ledger.try_reserve(Reservation(40)) is not None


def test_settling_gives_back_what_was_not_used():
    ledger = Ledger(BudgetCaps(generated_tokens=100))
    held = ledger.try_reserve(Reservation(generated_tokens=100))
    ledger.settle(held, Reservation(generated_tokens=30))
    assert ledger.generated_tokens == 30
    assert ledger.has_room(Reservation(generated_tokens=70))
    assert not ledger.has_room(Reservation(generated_tokens=71))


def test_using_more_than_was_reserved_is_a_bug():
    ledger = Ledger(BudgetCaps())
    held = ledger.try_reserve(Reservation(10))
    with pytest.raises(AssertionError, match="scored_tokens=11"):
        ledger.settle(held, Reservation(11))


def test_a_reservation_is_given_back_once():
    ledger = Ledger(BudgetCaps())
    held = ledger.try_reserve(Reservation(10))
    ledger.release(held)
    with pytest.raises(ValueError, match="not held"):
        ledger.release(held)


def test_without_caps_everything_fits():
    assert Ledger(BudgetCaps()).has_room(Reservation(10**12, 10**12))


def test_the_refusal_names_each_cap_and_the_smallest_that_would_do():
    with pytest.raises(BudgetTooSmallError) as refusal:
        require(BudgetCaps(scored_tokens=9, generated_tokens=4), Reservation(10, 5))
    assert "scored_tokens 9 (at least 10)" in str(refusal.value)
    assert "generated_tokens 4 (at least 5)" in str(refusal.value)
    require(BudgetCaps(scored_tokens=10, generated_tokens=5), Reservation(10, 5))


@given(st.integers(0, 500), st.lists(st.tuples(st.integers(0, 90), st.floats(0, 1), st.booleans()), max_size=40))
def test_whatever_the_order_the_cap_is_never_exceeded(cap, steps):
    """Calls overlap: some are settled at once, some stay under way."""
    ledger = Ledger(BudgetCaps(scored_tokens=cap))
    for tokens, share, settled in steps:
        held = ledger.try_reserve(Reservation(tokens))
        if held is not None and settled:
            ledger.settle(held, Reservation(int(tokens * share)))
        assert ledger.scored_tokens <= cap
