"""The state machine alone: no network, no clock."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.remote.breaker import Breaker, BreakerChange, BreakerPolicy, Breakers, Pass

POLICY = BreakerPolicy(max_failures=3, first_open_s=1.0, max_open_s=8.0, jitter=0.25)


def _opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(POLICY, random.Random(1))
    for number in range(POLICY.max_failures):
        entered = breaker.try_enter(now + number)
        assert entered is not None
        breaker.failed(entered, now + number + 0.5, "refused")
    return breaker


def test_failures_in_a_row_open_it_for_a_bounded_time() -> None:
    breaker = _opened()
    assert breaker.state == "open"
    assert breaker.reason == "refused"
    wait_s = breaker.wait_s(2.5)
    assert 1.0 <= wait_s <= 1.25
    assert breaker.try_enter(2.5 + wait_s - 0.01) is None
    assert breaker.try_enter(2.5 + wait_s) is not None


def test_an_answer_between_failures_starts_the_count_again() -> None:
    breaker = Breaker(POLICY)
    for now in range(20):
        entered = breaker.try_enter(now)
        assert entered is not None
        if now % 3 == 2:
            breaker.answered()
        else:
            breaker.failed(entered, now + 0.5, "")
    assert breaker.state == "closed"


def test_calls_that_were_under_way_together_count_as_one_failure() -> None:
    breaker = Breaker(POLICY)
    together = [Pass(0.0) for _ in range(8)]
    for entered in together:
        breaker.failed(entered, 1.0, "")
    assert breaker.state == "closed"
    for now in (2.0, 3.0):
        breaker.failed(Pass(now), now, "")
    assert breaker.state == "open"


def test_one_probe_at_a_time_and_its_answer_closes_it() -> None:
    breaker = _opened()
    probe = breaker.try_enter(100.0)
    assert probe is not None
    assert probe.is_probe
    assert breaker.state == "half_open"
    assert breaker.try_enter(100.1) is None
    breaker.answered()
    assert breaker.state == "closed"
    assert breaker.try_enter(100.2) is not None


def test_every_probe_that_fails_doubles_the_time_up_to_the_longest() -> None:
    breaker, now, waits = _opened(), 2.5, []
    for _ in range(6):
        wait_s = breaker.wait_s(now)
        waits.append(wait_s)
        now += wait_s
        probe = breaker.try_enter(now)
        assert probe is not None
        breaker.failed(probe, now, "refused")
    for wait_s, least in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
        assert least <= wait_s <= 1.25 * least


def test_a_cancelled_probe_leaves_its_place_to_the_next_call() -> None:
    breaker = _opened()
    probe = breaker.try_enter(100.0)
    assert probe is not None
    breaker.given_up(probe)
    assert breaker.state == "open"
    assert breaker.try_enter(100.0) is not None


@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["enter", "answer", "fail", "cancel"]), st.integers(0, 5), st.floats(0, 3)),
        max_size=60,
    ),
    seed=st.integers(0, 9),
)
def test_whatever_happens_it_is_closed_by_answers_alone_and_never_open_for_good(
    moves: list[tuple[str, int, float]], seed: int
) -> None:
    breaker = Breaker(POLICY, random.Random(seed))
    under_way: list[Pass] = []
    now = 0.0
    for move, place, passed_s in moves:
        now += passed_s
        was_open = breaker.state != "closed"
        chosen = under_way.pop(place % len(under_way)) if under_way and move != "enter" else None
        if move == "enter":
            entered = breaker.try_enter(now)
            under_way += [entered] if entered is not None else []
        elif chosen is not None and move == "answer":
            breaker.answered()
        elif chosen is not None and move == "fail":
            breaker.failed(chosen, now, "r")
        elif chosen is not None:
            breaker.given_up(chosen)
        if was_open and breaker.state == "closed":
            assert move == "answer"
        assert 0 <= breaker.wait_s(now) <= POLICY.max_open_s * (1 + POLICY.jitter)
        assert sum(entered.is_probe for entered in under_way) == 0 or breaker.state != "open" or move != "enter"
    if breaker.state == "open":
        assert breaker.try_enter(now + breaker.wait_s(now)) is not None
    elif breaker.state == "closed":
        assert breaker.try_enter(now) is not None


def test_breakers_are_shared_by_address_and_tell_every_change() -> None:
    changes: list[BreakerChange] = []
    breakers = Breakers(POLICY, changes.append)
    for now in (0.0, 1.0, 2.0):
        entered = breakers.try_enter("http://a", now)
        assert entered is not None
        breakers.failed("http://a", entered, now, "refused")
    assert breakers.try_enter("http://a", 2.0) is None
    assert breakers.try_enter("http://b", 2.0) is not None
    assert breakers.states() == {"http://a": "open", "http://b": "closed"}
    assert breakers.try_enter("http://a", 4.0) is not None
    breakers.answered("http://a", 5.0)
    assert [change.state for change in changes] == ["open", "half_open", "closed"]
    assert changes[0].open_s == pytest.approx(1.125, abs=0.125)
