"""Samples depend on seed and row numbers alone, in one pass as from a list."""

from __future__ import annotations

import pytest

from pmpo.data.sampling import sample_rows, sample_stream


@pytest.mark.parametrize("num_wanted", [0, 1, 7, 99, 100, 101])
def test_one_pass_draws_what_is_drawn_from_a_list(num_wanted: int) -> None:
    sample = sample_stream(({"n": number} for number in range(100)), num_wanted, seed=3)
    assert [row["n"] for row in sample.rows] == sample_rows(100, num_wanted, seed=3)
    assert sample.num_seen == 100


def test_no_more_rows_are_held_than_wanted() -> None:
    alive: set[int] = set()

    class Row(dict):  # type: ignore[type-arg]
        def __init__(self, number: int) -> None:
            super().__init__(n=number)
            self.number = number
            alive.add(number)

        def __del__(self) -> None:
            alive.discard(self.number)

    def rows():  # type: ignore[no-untyped-def]
        for number in range(5_000):
            yield Row(number)
            assert len(alive) <= 12

    assert len(sample_stream(rows(), 10, seed=0).rows) == 10


def test_another_seed_draws_other_rows() -> None:
    assert sample_rows(100, 10, seed=0) != sample_rows(100, 10, seed=1)


def test_kept_rows_are_among_the_sample() -> None:
    assert {3, 99} <= set(sample_rows(100, 5, seed=0, keep=[99, 3]))
    assert len(sample_rows(100, 5, seed=0, keep=[99, 3])) == 5
