"""Admission counts tokens, gives them back, and says when to come again."""

from __future__ import annotations

import pytest

from pmpo.errors import OverloadedError
from services.scorer.admission import Admission


def test_tokens_are_held_and_given_back() -> None:
    admission = Admission(100)
    with admission.reserved(60, "a"):
        with admission.reserved(40, "a"):
            assert admission.queued_tokens == 100
        with pytest.raises(OverloadedError), admission.reserved(41, "a"):
            pytest.fail("admitted above the limit")
        assert admission.queued_tokens == 60
    assert admission.queued_tokens == 0


def test_tokens_are_given_back_after_a_failure() -> None:
    admission = Admission(100)
    with pytest.raises(ValueError, match="x"), admission.reserved(60, "a"):
        raise ValueError("x")
    assert admission.queued_tokens == 0


def test_idle_scorer_admits_any_size() -> None:
    admission = Admission(100)
    with admission.reserved(101, "a"), pytest.raises(OverloadedError), admission.reserved(1, "a"):
        pytest.fail("admitted above the limit")


def test_retry_after_comes_from_the_observed_rate() -> None:
    admission = Admission(1_000)
    admission.observe(100, 1.0)
    with admission.reserved(900, "a"), pytest.raises(OverloadedError) as refused, admission.reserved(600, "a"):
        pytest.fail("admitted above the limit")
    assert refused.value.retry_after_s == 5.0  # 500 tokens too many at 100 tokens a second


@pytest.mark.parametrize(("rate", "expected"), [(1e9, 1.0), (0.1, 60.0), (None, 1.0)])
def test_retry_after_is_bounded(rate: float | None, expected: float) -> None:
    admission = Admission(1_000)
    if rate is not None:
        admission.observe(int(rate * 10), 10.0)
    with admission.reserved(900, "a"), pytest.raises(OverloadedError) as refused, admission.reserved(600, "a"):
        pytest.fail("admitted above the limit")
    assert refused.value.retry_after_s == expected


def test_places_for_rendering_are_bounded_and_given_back() -> None:
    admission = Admission(100, max_rendering=1)
    with admission.rendering(), pytest.raises(OverloadedError), admission.rendering():
        pytest.fail("admitted above the limit")
    with admission.rendering():
        pass


def test_a_job_is_not_refused_because_another_has_filled_the_queue() -> None:
    admission = Admission(100)
    with admission.reserved(100, "a"):
        with admission.reserved(60, "b"), pytest.raises(OverloadedError), admission.reserved(41, "c"):
            pytest.fail("admitted above the room for new jobs")
        with admission.reserved(60, "b"), pytest.raises(OverloadedError), admission.reserved(1, "b"):
            pytest.fail("admitted a second request of a job above the limit")
        with pytest.raises(OverloadedError, match="100 of them of this job"), admission.reserved(1, "a"):
            pytest.fail("admitted above the limit")
