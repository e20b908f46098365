"""Rows from files: JSON lines, a JSON list, a JSON object with an ``examples`` list (BIG-Bench Hard), CSV or Parquet.

Nothing is repaired: what cannot be read is refused with the file, the line and the reason.
"""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

from pmpo.contracts.jobdata import Row
from pmpo.contracts.jsonvalues import kind_of
from pmpo.data.rows import checked_row, parse_json, parse_row
from pmpo.data.tables import csv_rows, parquet_rows, text_lines
from pmpo.errors import InvalidDataError, InvalidInputError

Format = Literal["jsonl", "json", "csv", "tsv", "parquet"]
FORMATS: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
KNOWN_SUFFIXES = ".jsonl, .json, .csv, .tsv, .parquet"
STDIN = Path("-")


def load_rows(path: Path, most: int | None = None) -> list[Row]:
    """The rows of a file, in its order.

    A byte order mark, Windows line ends and blank lines are tolerated. A ``.json`` file may also hold JSON lines.

    Args:
        path: a ``.jsonl`` (or ``.ndjson``), ``.json``, ``.csv``, ``.tsv`` or ``.parquet`` file; texts in UTF-8. A table
            of text begins with its header.
        most: how many rows are read at most; None: all.

    Raises:
        InvalidDataError: the file is missing, cannot be read, or is malformed (file, line and reason are named).
        ConfigurationError: Parquet without pyarrow.
    """
    rows = list(islice(iterate_rows(path), most))
    if not rows:
        raise InvalidDataError(f"{path} holds no rows; add examples to it")
    return rows


def iterate_rows(path: Path, *, form: Format | None = None, delimiter: str | None = None) -> Iterator[Row]:
    """The rows of a file, or of standard input, one by one; only a ``json`` document is held in memory as a whole.

    Args:
        path: as of ``load_rows``, or ``-`` for standard input.
        form: what the file holds; by its name when None, and JSON lines on standard input.
        delimiter: of a table of text; a comma (or a tab in ``tsv``) when None.

    Raises:
        InvalidDataError: as of ``load_rows``; a file without rows yields none.
        InvalidInputError: a delimiter that is none, or that the form does not have; Parquet on standard input.
        ConfigurationError: Parquet without pyarrow.
    """
    form = form or _form_of(path)
    if delimiter is not None:
        _check_delimiter(delimiter, form)
    if form == "parquet":
        if path == STDIN:
            raise InvalidInputError("Parquet is not read from standard input; give a file, or send JSON lines")
        with _opened(path):
            pass  # a file that cannot be opened is refused as any other
        yield from parquet_rows(path)
        return
    label = "standard input" if path == STDIN else str(path)
    with _opened(path) as stream:
        lines = _decoded(stream, label)
        if form == "json":
            yield from _rows_of_document(label, "".join(lines))
        elif form == "jsonl":
            yield from _rows_of_lines(label, lines)
        else:
            yield from csv_rows(text_lines(lines), label, delimiter or ("\t" if form == "tsv" else ","))


def missing_file(path: Path) -> InvalidDataError:
    """The refusal of a file that is not there: names the folder looked in, and the nearest name in it."""
    folder = path.parent.resolve()
    if not folder.is_dir():
        return InvalidDataError(f"{path.name} was not found: its folder {folder} does not exist; check the path")
    names = sorted(entry.name for entry in folder.iterdir())
    near = get_close_matches(path.name, names, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; check the path"
    return InvalidDataError(f"{path.name} was not found in {folder}{hint}")


def _form_of(path: Path) -> Format:
    if path == STDIN:
        return "jsonl"
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        with _opened(path):
            pass  # a file that is not there is refused for that
        raise InvalidDataError(f"{path} ends in {suffix or 'nothing'!r}; the kinds that are read are {KNOWN_SUFFIXES}")
    return FORMATS[suffix]


def _check_delimiter(delimiter: str, form: Format) -> None:
    if form not in ("csv", "tsv"):
        raise InvalidInputError(f"a delimiter belongs to tables of text, and this is {form}; leave it out")
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InvalidInputError(f"the delimiter is {delimiter!r:.60}; give one character, such as ';'")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        with path.open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise InvalidDataError(f"{path} cannot be read: {error.strerror or error}; give a readable file") from None


def _decoded(stream: Iterable[bytes], label: str) -> Iterator[str]:
    """Lines as text with their ends, without the byte order mark; U+2028, which may stand in a text, ends none."""
    for number, raw in enumerate(stream, start=1):
        line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 ({error.reason}); save the file as UTF-8"
            raise InvalidDataError(f"{label}, line {number}: {reason}") from None


def _rows_of_lines(label: str, lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield parse_row(line.rstrip("\r\n"), label, number)


def _rows_of_document(label: str, text: str) -> Iterator[Row]:
    if _is_json_lines(text):
        yield from _rows_of_lines(label, text.split("\n"))
        return
    document = parse_json(text, label, 1)
    if isinstance(document, dict):
        if not isinstance(document.get("examples"), list):
            keys = ", ".join(map(str, document)) or "none"
            raise InvalidDataError(
                f"{label} holds an object without a list 'examples' (its keys: {keys}); give a list of rows"
            )
        document = document["examples"]
    if not isinstance(document, list):
        reason = f"{kind_of(document)}; give a list of objects, or an object with 'examples'"
        raise InvalidDataError(f"{label} holds {reason}")
    for number, entry in enumerate(document, start=1):
        yield checked_row(entry, f"{label}, entry {number}")


def _is_json_lines(text: str) -> bool:
    """Whether the first line is an object of its own and more lines follow: then the file holds JSON lines."""
    first, _, rest = text.strip().partition("\n")
    try:
        return bool(rest) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False
