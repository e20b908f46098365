"""What is counted of rows."""

from __future__ import annotations

from pmpo.data.statistics import MAX_FIELDS, RowStatistics


def test_keys_kinds_and_lengths() -> None:
    statistics = RowStatistics()
    for row in [{"a": "x" * number, "b": None} for number in range(1, 101)] + [{"a": 5, "c": [1]}, {"a": " "}]:
        statistics.add(row)
    a, b, c = statistics.fields()
    assert (a.name, a.num_rows, a.num_empty, a.kinds) == ("a", 102, 1, ["text", "number"])
    assert a.characters is not None
    assert a.characters.model_dump() == {"shortest": 1, "median": 49, "percentile_95": 95, "longest": 100}
    assert (b.num_rows, b.characters) == (0, None)
    assert (c.num_rows, c.kinds, c.characters) == (1, ["list"], None)


def test_a_row_that_repeats_another_counts_once_as_such_whatever_its_order() -> None:
    statistics = RowStatistics()
    for row in [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}, {"a": 1, "b": 2}]:
        statistics.add(row)
    assert (statistics.num_rows, statistics.num_duplicates) == (4, 2)


def test_rows_of_ever_new_keys_do_not_grow_it_without_bound() -> None:
    statistics = RowStatistics()
    for number in range(1_000):
        statistics.add({f"key {number}": 1})
    assert len(statistics.fields()) == MAX_FIELDS


def test_one_row_is_its_own_percentiles() -> None:
    statistics = RowStatistics()
    statistics.add({"a": "four"})
    lengths = statistics.fields()[0].characters
    assert lengths is not None
    assert set(lengths.model_dump().values()) == {4}
