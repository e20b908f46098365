"""The canonical form of rows and the name of their content."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.data.loading import load_rows
from pmpo.data.rows import ContentHash, canonical, checked_row, content_id, parse_row
from pmpo.errors import InvalidDataError

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
json_values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=6)


@given(st.dictionaries(texts, json_values))
def test_the_canonical_form_holds_all_of_a_row_on_one_line(row: dict[str, object]) -> None:
    line = canonical(row)
    assert b"\n" not in line
    assert parse_row(line.decode(), "file", 1) == row
    assert canonical(dict(reversed(row.items()))) == line


def test_the_same_content_has_the_same_name_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"input": "é", "target": "1"}\n{"input": "b", "target": "2"}\n', encoding="utf-8"
    )
    (tmp_path / "b.jsonl").write_bytes(
        b'\xef\xbb\xbf{"target":"1","input":"\\u00e9"}\r\n\r\n{"target":"2","input":"b"}'
    )
    (tmp_path / "c.csv").write_text("target,input\n1,é\n2,b\n", encoding="utf-8")
    names = {content_id(load_rows(tmp_path / name)) for name in ("a.jsonl", "b.jsonl", "c.csv")}
    assert len(names) == 1
    assert names.pop().startswith("ds_")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([{"a": 1}], [{"a": 1.0}]),
        ([{"a": 1}], [{"a": "1"}]),
        ([{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}]),
        ([{"a": 1}], [{"a": 1}, {"a": 1}]),
        ([{"a": "1\n2"}], [{"a": "1"}, {"a": "2"}]),
        ([{"a": None}], [{}]),
    ],
)
def test_other_content_has_another_name(one: list[dict[str, object]], other: list[dict[str, object]]) -> None:
    assert content_id(one) != content_id(other)


def test_the_id_is_the_beginning_of_the_digest() -> None:
    content = ContentHash()
    content.add(canonical({"a": 1}))
    assert content.id == f"ds_{content.sha256[:32]}"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"a": {1, 2}}, "'a' holds a set, which JSON does not have"),
        ({"a": [float("inf")]}, "'a' holds a number that is not finite"),
        ({1: "a", "b": 2}, "the key 1 is a number; keys are texts"),
        ({"a": "\ud800"}, "half of a surrogate pair"),
        ([1], "a list where an object should stand"),
    ],
)
def test_what_is_no_row_is_refused_by_its_key(row: object, says: str) -> None:
    with pytest.raises(InvalidDataError, match="row 7: ") as refusal:
        checked_row(row, "row 7")
    assert says in str(refusal.value)
