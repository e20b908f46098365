"""The three sets: shares, anchors, given sets, duplicates, determinism."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.data.sampling import sample_rows
from pmpo.data.splits import Division, make_splits, shares_of
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.optim.types import Example


def _rows(num: int, prefix: str = "x") -> tuple[Example, ...]:
    return tuple(Example(index, f"{prefix}{index}", ("y",)) for index in range(num))


def _sizes(division: Division) -> tuple[int, int, int, int]:
    splits = division.splits
    return len(splits.train), len(splits.validation), len(splits.test), division.num_unused


@pytest.mark.parametrize(
    ("num", "sizes"),
    [
        (3, (2, 1, 0, 0)),
        (4, (3, 1, 0, 0)),
        (5, (3, 2, 0, 0)),
        (19, (13, 6, 0, 0)),
        (20, (10, 4, 6, 0)),
        (60, (30, 12, 18, 0)),
        (99, (50, 20, 29, 0)),
        (100, (50, 20, 30, 0)),
        (101, (50, 17, 34, 0)),
        (350, (50, 100, 200, 0)),
        (500, (50, 100, 200, 150)),
    ],
)
def test_shares_follow_the_rule(num: int, sizes: tuple[int, int, int, int]) -> None:
    assert _sizes(make_splits(_rows(num), None, None, (), 0)) == sizes


@given(num=st.integers(3, 600), seed=st.integers(0, 9), data=st.data())
def test_every_row_is_in_one_place_and_anchors_in_train(num: int, seed: int, data: st.DataObject) -> None:
    room = shares_of(num).train
    anchors = data.draw(st.lists(st.integers(0, num - 1), unique=True, max_size=room))
    division = make_splits(_rows(num), None, None, anchors, seed)
    splits = division.splits
    indices = [row.index for row in (*splits.train, *splits.validation, *splits.test)]
    assert len(set(indices)) == len(indices) == num - division.num_unused
    assert set(anchors) <= {row.index for row in splits.train}
    assert 1 <= len(splits.train) <= 50
    assert splits.validation


def test_the_seed_alone_decides() -> None:
    first, again, other = (make_splits(_rows(100), None, None, (3,), seed) for seed in (7, 7, 8))
    assert first == again
    assert first.splits.train != other.splits.train


def test_anchors_do_not_stand_in_front() -> None:
    """The first rung of a selection must not be made of anchors alone."""
    train = make_splits(_rows(100), None, None, range(10), 1).splits.train
    assert [row.index for row in train[:10]] != list(range(10))
    assert {row.index for row in train[:10]} != set(range(10))


def test_given_sets_are_used_as_they_are() -> None:
    validation, test = _rows(7, "v"), _rows(300, "t")
    division = make_splits(_rows(80), validation, test, (), 0)
    assert division.splits.validation == validation
    assert division.splits.test == test
    assert (len(division.splits.train), division.num_unused) == (50, 30)


@pytest.mark.parametrize(
    ("num", "validation", "test", "sizes"),
    [
        (100, 9, None, (50, 9, 30, 20)),
        (40, 9, None, (28, 9, 12, 0)),
        (10, 9, None, (10, 9, 0, 0)),
        (200, None, 9, (50, 50, 9, 100)),
        (40, None, 9, (32, 8, 9, 0)),
        (40, None, 0, (32, 8, 0, 0)),
    ],
)
def test_a_set_that_is_not_given_is_cut_by_its_share(
    num: int, validation: int | None, test: int | None, sizes: tuple[int, int, int, int]
) -> None:
    given_gate = None if validation is None else _rows(validation, "v")
    given_test = None if test is None else _rows(test, "t")
    assert _sizes(make_splits(_rows(num), given_gate, given_test, (), 0)) == sizes


def test_duplicates_are_left_out_of_what_is_cut() -> None:
    rows = [Example(index, f"x{index % 50}", ("y",)) for index in range(100)]
    splits, num_unused, warnings = make_splits(rows, None, None, (), 0)
    contents = [{row.input for row in part} for part in (splits.train, splits.validation, splits.test)]
    assert not contents[0] & contents[1]
    assert not (contents[0] | contents[1]) & contents[2]
    assert num_unused == 100 - len(splits.train) - len(splits.validation) - len(splits.test) > 0
    assert [warning.split(" ", 1)[1] for warning in warnings] == [
        "duplicate rows were left out of validation",
        "duplicate rows were left out of test",
    ]


def test_same_input_with_another_target_is_no_duplicate() -> None:
    rows = [Example(index, "x", (str(index),)) for index in range(10)]
    assert make_splits(rows, None, None, (), 0).warnings == ()


def test_duplicates_in_a_given_set_are_told_and_kept() -> None:
    division = make_splits(_rows(10), _rows(3), None, (), 0)
    assert len(division.splits.validation) == 3
    assert division.warnings == ("3 rows of the given validation set also stand in an earlier set; remove them",)


def test_few_rows_are_warned_about() -> None:
    assert "4 rows are few" in make_splits(_rows(4), None, None, (), 0).warnings[0]
    assert make_splits(_rows(5), None, None, (), 0).warnings == ()


@pytest.mark.parametrize("num", [0, 1, 2])
def test_fewer_than_three_rows_are_refused(num: int) -> None:
    with pytest.raises(InvalidDataError, match=f"has {num} rows; at least 3 are needed"):
        make_splits(_rows(num), None, None, (), 0)


@pytest.mark.parametrize("validation", [None, ()])
def test_an_empty_validation_set_is_refused(validation: tuple[Example, ...] | None) -> None:
    same = [Example(index, "x", ("y",)) for index in range(9)]
    with pytest.raises(InvalidDataError, match="no row is left to validate on"):
        make_splits(same, validation, None, (), 0)


def test_anchors_must_be_rows_and_must_fit() -> None:
    with pytest.raises(InvalidInputError, match="anchor 10 is no row of the train file; rows are 0 to 9"):
        make_splits(_rows(10), None, None, (0, 10), 0)
    with pytest.raises(InvalidInputError, match="3 anchors do not fit into 2 train rows"):
        make_splits(_rows(3), None, None, (0, 1, 2), 0)


def test_samples_are_distinct_sorted_and_seeded() -> None:
    drawn = sample_rows(500, 60, 1)
    assert drawn == sorted(set(drawn)) == sample_rows(500, 60, 1)
    assert len(drawn) == 60
    assert drawn != sample_rows(500, 60, 2)
    assert sample_rows(5, 60, 1) == [0, 1, 2, 3, 4]


def test_rows_that_no_set_takes_are_named() -> None:
    division = make_splits(_rows(1_000), None, None, (), 0)
    assert division.num_unused == 650
    assert any("650 of 1000 rows are not used" in warning for warning in division.warnings)
    assert not any("not used" in warning for warning in make_splits(_rows(100), None, None, (), 0).warnings)
