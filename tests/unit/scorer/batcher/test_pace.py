"""Rounds grow and shrink with the engine's speed, between bounds."""

from __future__ import annotations

import pytest

from services.scorer.batcher.pace import SAMPLING_IS_RECENT_S, Pace
from services.scorer.batcher.types import BatchLimits


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


LIMITS = BatchLimits(slice_tokens=8_192, round_tokens=32_768)


@pytest.mark.parametrize(
    ("tokens_per_s", "shared", "quiet"),
    [(100.0, 2_048, 8_192), (2_000.0, 4_000, 10_000), (1e6, 8_192, 32_768), (None, 8_192, 32_768)],
)
def test_a_round_takes_about_as_long_as_it_may(tokens_per_s: float | None, shared: int, quiet: int) -> None:
    pace = Pace(LIMITS, Clock())
    if tokens_per_s is not None:
        pace.observe(5_000, 5_000 / tokens_per_s)
    assert pace.room(is_sampling=False) == quiet
    assert pace.room(is_sampling=True) == shared


def test_the_newest_rounds_decide() -> None:
    pace = Pace(LIMITS, Clock())
    for _ in range(50):
        pace.observe(8_000, 100.0)
    for _ in range(20):
        pace.observe(8_000, 4.0)
    assert pace.room(is_sampling=True) == pytest.approx(4_000, rel=0.05)


def test_a_tiny_round_says_little() -> None:
    pace = Pace(LIMITS, Clock())
    pace.observe(8_000, 4.0)
    pace.observe(10, 0.05)  # mostly what a call costs by itself
    assert pace.room(is_sampling=True) > 3_900


def test_deterministic_rounds_have_one_size() -> None:
    pace = Pace(BatchLimits(slice_tokens=8_192, round_tokens=32_768, is_deterministic=True), Clock())
    pace.observe(1, 100.0)
    assert pace.room(is_sampling=True) == pace.room(is_sampling=False) == 8_192


def test_rounds_stay_small_for_a_while_after_answers_were_sampled() -> None:
    pace = Pace(LIMITS, clock := Clock())
    pace.observe(1_000, 1.0)
    assert [pace.room(is_sampling=True), pace.room(is_sampling=False)] == [2_048, 2_048]
    clock.now = SAMPLING_IS_RECENT_S + 1
    assert pace.room(is_sampling=False) == 8_192
