"""Rows from tables: CSV, whose header names the keys, and Parquet, whose columns do."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from pmpo.contracts.jobdata import Row
from pmpo.data.rows import checked_row
from pmpo.errors import ConfigurationError, InvalidDataError

OTHER_MARKS = {";": "';'", "\t": "tabs", "|": "'|'"}
BATCH_ROWS = 1_000


def csv_rows(lines: Iterable[str], label: str, delimiter: str = ",") -> Iterator[Row]:
    """Rows of texts, one a record; blank records are skipped.

    Args:
        lines: the file's lines with their ends, the header first.
        label: what messages call the file.
        delimiter: the one character between columns.

    Raises:
        InvalidDataError: an unusable header, another delimiter, a record of another length, an unclosed quotation.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if not any(cells):
                continue
            if header is None:
                header = _header(label, cells, delimiter)
            elif len(cells) != len(header):
                raise InvalidDataError(f"{label}, line {reader.line_num}: {_uneven(cells, header, delimiter)}")
            else:
                yield dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise InvalidDataError(f"{label}, line {reader.line_num}: {error}; correct it, or use JSON lines") from None


def text_lines(lines: Iterable[str]) -> Iterator[str]:
    """Lines for ``csv_rows`` from those that end in a line feed: a carriage return alone ends one as well."""
    for line in lines:
        yield from io.StringIO(line, newline="")


def parquet_rows(path: Path) -> Iterator[Row]:
    """Rows of a Parquet file, read in batches.

    Raises:
        ConfigurationError: pyarrow is not installed.
        InvalidDataError: the file is no Parquet, or a column holds what JSON does not have (row and column are named).
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ConfigurationError(
            f"{path}: reading Parquet takes pyarrow, which is not installed; install pmpo with its extra `parquet`, "
            "or save the rows as JSON lines"
        ) from None
    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for row in batch.to_pylist():
                    yield checked_row(row, f"{path}, row {number} (from 0)")
                    number += 1
    except (ArrowException, OSError) as error:
        raise InvalidDataError(
            f"{path} is no Parquet that can be read ({_first_line(error)}); check the file"
        ) from None


def _header(label: str, cells: list[str], delimiter: str) -> list[str]:
    if len(cells) == 1:
        mark = next((mark for mark in OTHER_MARKS if mark != delimiter and mark in cells[0]), None)
        if mark is not None:
            raise InvalidDataError(f"{label}, line 1: {cells[0]!r:.60} is one column; {_remedy(mark, delimiter)}")
    if len(set(cells)) != len(cells) or not all(cells):
        raise InvalidDataError(f"{label}, line 1: the header has an empty or repeated name; name each column once")
    return cells


def _uneven(cells: list[str], header: list[str], delimiter: str) -> str:
    """A record of another length: a stray delimiter, or a table whose delimiter is another one."""
    told = f"{len(cells)} values under a header of {len(header)}"
    for mark in OTHER_MARKS:
        text = delimiter.join(header)
        if mark != delimiter and text.count(mark) > text.count(delimiter):
            return f"{told}; {_remedy(mark, delimiter)}"
    name = "comma" if delimiter == "," else f"delimiter {delimiter!r}"
    return f"{told}; quote values that hold a {name}"


def _remedy(mark: str, delimiter: str) -> str:
    if delimiter != ",":
        return f"the columns seem to be separated by {OTHER_MARKS.get(mark, repr(mark))}; name that delimiter"
    shell = r"$'\t'" if mark == "\t" else f"'{mark}'"
    return (
        f"the columns seem to be separated by {OTHER_MARKS[mark]}; separate columns by commas, or send the file with "
        f"`pmpo datasets push --delimiter {shell}`"
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
