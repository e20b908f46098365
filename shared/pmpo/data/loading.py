"""Rows from files: JSON lines, a JSON list, a JSON object with an ``examples`` list (BIG-Bench Hard), or CSV.

Nothing is repaired: what cannot be read is refused with the file, the line and the reason.
"""

from __future__ import annotations

import csv
import io
import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from pmpo.contracts.jobs import Row
from pmpo.errors import InvalidDataError

LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
KNOWN_SUFFIXES = ".jsonl, .json, .csv"


def load_rows(path: Path) -> list[Row]:
    """The rows of a file, in its order.

    A byte order mark, Windows line ends and blank lines are tolerated. A ``.json`` file may also hold JSON lines.

    Args:
        path: a ``.jsonl`` (or ``.ndjson``), ``.json`` or ``.csv`` file in UTF-8. A CSV file begins with its header.

    Raises:
        InvalidDataError: the file is missing, cannot be read, or is malformed (file, line and reason are named).
    """
    text = _read_text(path)
    suffix = path.suffix.lower()
    if suffix in LINES_SUFFIXES:
        rows = _rows_of_lines(path, text)
    elif suffix == ".json":
        rows = _rows_of_document(path, text)
    elif suffix == ".csv":
        rows = _rows_of_csv(path, text)
    else:
        raise InvalidDataError(f"{path} ends in {suffix or 'nothing'!r}; the kinds that are read are {KNOWN_SUFFIXES}")
    if not rows:
        raise InvalidDataError(f"{path} holds no rows; give at least 3")
    return rows


def missing_file(path: Path) -> InvalidDataError:
    """The refusal of a file that is not there: names the folder looked in, and the nearest name in it."""
    folder = path.parent.resolve()
    if not folder.is_dir():
        return InvalidDataError(f"{path.name} was not found: its folder {folder} does not exist; check the path")
    names = sorted(entry.name for entry in folder.iterdir())
    near = get_close_matches(path.name, names, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; check the path"
    return InvalidDataError(f"{path.name} was not found in {folder}{hint}")


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise InvalidDataError(f"{path} cannot be read: {error.strerror or error}; give a readable file") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidDataError(f"{path}, line {line}: not UTF-8 ({error.reason}); save the file as UTF-8") from None


def _rows_of_lines(path: Path, text: str) -> list[Row]:
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: U+2028 may stand in a text
        if line.strip():
            rows.append(_row(path, f"line {number}", _parse(path, number, line)))
    return rows


def _rows_of_document(path: Path, text: str) -> list[Row]:
    if _is_json_lines(text):
        return _rows_of_lines(path, text)
    document = _parse(path, 1, text)
    if isinstance(document, dict):
        if not isinstance(document.get("examples"), list):
            keys = ", ".join(map(str, document)) or "none"
            raise InvalidDataError(
                f"{path} holds an object without a list 'examples' (its keys: {keys}); give a list of rows"
            )
        document = document["examples"]
    if not isinstance(document, list):
        raise InvalidDataError(f"{path} holds {_kind(document)}; give a list of objects, or an object with 'examples'")
    return [_row(path, f"entry {number}", entry) for number, entry in enumerate(document, start=1)]


def _is_json_lines(text: str) -> bool:
    """Whether the first line is an object of its own and more lines follow: then the file holds JSON lines."""
    first, _, rest = text.strip().partition("\n")
    try:
        return bool(rest) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _rows_of_csv(path: Path, text: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    header: list[str] | None = None
    try:
        for cells in reader:
            if not any(cells):
                continue
            if header is None:
                header = _header(path, cells)
            elif len(cells) != len(header):
                reason = f"{len(cells)} values under a header of {len(header)}; quote values that hold a comma"
                raise InvalidDataError(f"{path}, line {reader.line_num}: {reason}")
            else:
                rows.append(dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise InvalidDataError(f"{path}, line {reader.line_num}: {error}; correct it, or use JSON lines") from None
    return rows


def _header(path: Path, cells: list[str]) -> list[str]:
    if len(set(cells)) != len(cells) or not all(cells):
        raise InvalidDataError(f"{path}, line 1: the header has an empty or repeated name; name each column once")
    if len(cells) == 1 and any(mark in cells[0] for mark in ";\t|"):
        raise InvalidDataError(f"{path}, line 1: {cells[0]!r} is one column; separate columns by commas")
    return cells


def _parse(path: Path, first_line: int, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {first_line + error.lineno - 1}, column {error.colno}"
        raise InvalidDataError(f"{path}, {where}: {error.msg}; correct the JSON there") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise InvalidDataError(f"{path}, line {first_line}: {reason}; correct the JSON there") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _row(path: Path, where: str, value: Any) -> Row:
    if not isinstance(value, dict):
        raise InvalidDataError(f"{path}, {where}: {_kind(value)} where an object should stand; write {{...}}")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidDataError(f"{path}, {where}: half of a surrogate pair, which is no text; remove it") from None
    return value


def _kind(value: object) -> str:
    numbers = {bool: "true or false", int: "a number", float: "a number"}
    names = {**numbers, list: "a list", str: "a text", dict: "an object"}
    return names.get(type(value), "null")
