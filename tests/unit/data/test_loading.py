"""Loading rows: what is tolerated, and what every refusal says."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime
from pathlib import Path

import pytest

from pmpo.data.loading import iterate_rows, load_rows
from pmpo.errors import ConfigurationError, InvalidDataError, InvalidInputError

ROWS = [{"input": "a", "target": "1"}, {"input": "b", "target": "2"}]
LINES = "\n".join(map(json.dumps, ROWS))


def _file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", LINES),
        ("rows.ndjson", LINES + "\n"),
        ("ROWS.JSONL", LINES),
        ("bom.jsonl", b"\xef\xbb\xbf" + LINES.encode()),
        ("windows.jsonl", LINES.replace("\n", "\r\n") + "\r\n"),
        ("blank.jsonl", "\n \n" + LINES.replace("\n", "\n\n\t\n")),
        ("list.json", json.dumps(ROWS, indent=2)),
        ("one_line_list.json", json.dumps(ROWS)),
        ("bbh.json", json.dumps({"canary": "do not train on this", "examples": ROWS})),
        ("lines.json", LINES),
        ("rows.csv", "input,target\na,1\nb,2\n"),
        ("bom.csv", b"\xef\xbb\xbfinput,target\r\na,1\r\n\r\nb,2"),
    ],
)
def test_reads_every_kind(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert load_rows(_file(tmp_path, name, content)) == ROWS


def test_keeps_texts_as_they_are(tmp_path: Path) -> None:
    row = {"input": " two\u2028lines\n\u00e9 ", "target": "x", "more": {"deep": [1, None, 0.1]}}
    assert load_rows(_file(tmp_path, "rows.jsonl", json.dumps(row, ensure_ascii=False))) == [row]


def test_csv_values_may_hold_commas_quotes_and_lines(tmp_path: Path) -> None:
    path = _file(tmp_path, "rows.csv", 'input,target\n"a, ""b""\nc",1\n')
    assert load_rows(path) == [{"input": 'a, "b"\nc', "target": "1"}]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rows.jsonl", '{"a": 1}\n\n{"a": }\n', "rows.jsonl, line 3, column 7: Expecting value"),
        ("rows.jsonl", '{"a": 1}\n[1]\n', "rows.jsonl, line 2: a list where an object should stand"),
        ("rows.jsonl", "{}\nnull\n", "line 2: null where"),
        ("rows.jsonl", '{"a": NaN}', "line 1: NaN is no JSON number"),
        ("rows.jsonl", '{"a": "\\ud800"}', "line 1: 'a' holds half of a surrogate pair"),
        ("rows.jsonl", "[" * 200_000, "line 1: nested too deeply"),
        ("rows.jsonl", b'{"a": 1}\n{"a": "\xff"}', "line 2: not UTF-8"),
        ("rows.jsonl", "\n \n", "holds no rows"),
        ("rows.json", '[\n{"a": 1},\n{"a" 2}]', "rows.json, line 3, column 6"),
        ("rows.json", "[1]", "entry 1: a number where an object should stand"),
        ("rows.json", '"text"', "holds a text; give a list of objects"),
        ("rows.json", '{"rows": []}', "without a list 'examples' (its keys: rows)"),
        ("rows.json", "[]", "holds no rows"),
        ("rows.csv", "a,b\n1,2,3\n", "rows.csv, line 2: 3 values under a header of 2"),
        ("rows.csv", "a,b\n1\n", "rows.csv, line 2: 1 values under a header of 2"),
        ("rows.csv", "a,a\n1,2\n", "line 1: the header has an empty or repeated name"),
        ("rows.csv", 'a,b\n"1,2\n', "rows.csv, line 2: unexpected end of data"),
        ("rows.csv", "a,b\n", "holds no rows"),
        ("rows.csv", "", "holds no rows"),
        ("rows.parquet", "x", "is no Parquet that can be read"),
        ("rows.xlsx", "x", "ends in '.xlsx'; the kinds that are read are .jsonl, .json, .csv, .tsv, .parquet"),
        ("rows.jsonl", '{"a": 1, "a": 2}', "line 1: the key 'a' stands twice"),
        ("rows.jsonl", '{"a": [1e400]}', "line 1: 'a' holds a number that is not finite"),
    ],
)
def test_refuses_with_place_and_reason(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    with pytest.raises(InvalidDataError) as refusal:
        load_rows(_file(tmp_path, name, content))
    assert says in str(refusal.value)
    assert name in str(refusal.value)


def test_a_missing_file_names_the_folder_and_the_nearest_name(tmp_path: Path) -> None:
    _file(tmp_path, "train.jsonl", LINES)
    with pytest.raises(InvalidDataError) as refusal:
        load_rows(tmp_path / "trian.jsonl")
    assert str(refusal.value) == f"trian.jsonl was not found in {tmp_path}; did you mean train.jsonl?"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match=r"its folder .*nowhere does not exist"):
        load_rows(tmp_path / "nowhere" / "train.jsonl")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match="cannot be read: Is a directory"):
        load_rows(tmp_path)


@pytest.mark.parametrize(("mark", "named"), [(";", "';'"), ("\t", r"$'\t'"), ("|", "'|'")])
def test_a_csv_with_another_delimiter_is_refused_with_the_delimiter_and_the_remedy(
    tmp_path: Path, mark: str, named: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"input{mark}target\na{mark}b\n")
    with pytest.raises(InvalidDataError, match="is one column; the columns seem to be separated by") as refusal:
        load_rows(path)
    assert f"--delimiter {named}`" in str(refusal.value)
    assert list(iterate_rows(path, delimiter=mark)) == [{"input": "a", "target": "b"}]


def test_another_delimiter_is_also_recognised_beside_commas(tmp_path: Path) -> None:
    path = _file(tmp_path, "rows.csv", "input;target, as given;more\na;b;c\n")
    with pytest.raises(InvalidDataError, match=r"line 2: 1 values under a header of 2; the columns seem .* by ';'"):
        load_rows(path)


def test_a_table_may_be_separated_by_tabs(tmp_path: Path) -> None:
    assert load_rows(_file(tmp_path, "rows.tsv", "input\ttarget\na, b\t1\n")) == [{"input": "a, b", "target": "1"}]


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n"])
def test_a_delimiter_that_is_none_is_refused(tmp_path: Path, delimiter: str) -> None:
    path = _file(tmp_path, "rows.csv", "a,b\n")
    with pytest.raises(InvalidInputError, match="give one character"):
        list(iterate_rows(path, delimiter=delimiter))


def test_json_lines_have_no_delimiter(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="a delimiter belongs to tables of text, and this is jsonl"):
        list(iterate_rows(_file(tmp_path, "rows.jsonl", LINES), delimiter=";"))


def test_a_carriage_return_alone_ends_a_line_of_a_table(tmp_path: Path) -> None:
    assert load_rows(_file(tmp_path, "rows.csv", "a,b\r1,2\r")) == [{"a": "1", "b": "2"}]


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    from pyarrow import Table
    from pyarrow.parquet import write_table

    rows = [{"input": "a", "n": 1, "more": {"list": [1.5, None]}}, {"input": None, "n": 2, "more": None}]
    write_table(Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert load_rows(tmp_path / "rows.parquet") == rows


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), b"bytes", float("nan")])
def test_what_json_does_not_have_is_refused_with_row_and_column(tmp_path: Path, value: object) -> None:
    from pyarrow import Table
    from pyarrow.parquet import write_table

    write_table(Table.from_pylist([{"a": "x", "b": None}, {"a": "y", "b": value}]), tmp_path / "rows.parquet")
    with pytest.raises(InvalidDataError, match=r"row 1 \(from 0\): 'b' holds"):
        load_rows(tmp_path / "rows.parquet")


def test_a_missing_parquet_file_is_refused_as_any_other(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match="was not found in"):
        load_rows(tmp_path / "rows.parquet")


def test_parquet_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match="install pmpo with its extra `parquet`"):
        load_rows(_file(tmp_path, "rows.parquet", "x"))


def test_standard_input_holds_json_lines_or_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINES.encode())))
    assert list(iterate_rows(Path("-"))) == ROWS
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"input;target\na;1\nb;2\n")))
    assert list(iterate_rows(Path("-"), form="csv", delimiter=";")) == ROWS
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}\n[1]\n")))
    with pytest.raises(InvalidDataError, match="standard input, line 2: a list"):
        list(iterate_rows(Path("-")))
    with pytest.raises(InvalidInputError, match="Parquet is not read from standard input"):
        list(iterate_rows(Path("-"), form="parquet"))


def test_no_more_is_read_than_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\nno json\n', encoding="utf-8")
    assert load_rows(path, 2) == [{"a": 1}, {"a": 2}]
    with pytest.raises(InvalidDataError, match="line 3"):
        load_rows(path)
