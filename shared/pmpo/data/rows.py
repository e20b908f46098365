"""One row: read from JSON, checked, written in its canonical form; and the name that the content of many has.

The canonical form of a row is JSON in UTF-8 with its keys sorted and nothing between the tokens. The name of a data set
is made of the canonical forms of its rows in their order, so that the same content has the same name, whichever file
format, line ends or key order it came with. ``1`` and ``1.0`` differ, and so do ``1`` and ``"1"``; CSV holds texts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NoReturn

from pmpo.contracts.jobdata import Row
from pmpo.contracts.jsonvalues import kind_of, row_problem
from pmpo.errors import InvalidDataError

ID_PREFIX = "ds_"
ID_DIGITS = 32


class ContentHash:
    """The name of rows that come one by one, in their canonical forms."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, line: bytes) -> None:
        """Take the next row's canonical form."""
        self._digest.update(line)
        self._digest.update(b"\n")

    @property
    def sha256(self) -> str:
        """The digest of all rows so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    @property
    def id(self) -> str:
        """The name of a data set with these rows: ``ds_`` and the digest's first 32 digits."""
        return f"{ID_PREFIX}{self.sha256[:ID_DIGITS]}"


def content_id(rows: Iterable[Row]) -> str:
    """The name of a data set with these rows, whether it is stored anywhere or not."""
    content = ContentHash()
    for row in rows:
        content.add(canonical(row))
    return content.id


def canonical(row: Row) -> bytes:
    """The one form that equal rows have; without a line end."""
    return _ENCODER.encode(row).encode()


def parse_row(text: str, label: str, number: int) -> Row:
    """The row of one line of JSON lines.

    Args:
        text: the line.
        label: what messages call the file.
        number: the line's, from 1.

    Raises:
        InvalidDataError: the line is no JSON object, or holds what is no text or number.
    """
    return checked_row(parse_json(text, label, number), f"{label}, line {number}")


def parse_json(text: str, label: str, first_line: int) -> Any:
    """What ``text`` holds, which begins in line ``first_line``. Raises InvalidDataError: line, column and reason."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {first_line + error.lineno - 1}, column {error.colno}"
        raise InvalidDataError(f"{label}, {where}: {error.msg}; correct the JSON there") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise InvalidDataError(f"{label}, line {first_line}: {reason}; correct the JSON there") from None


def checked_row(value: Any, where: str) -> Row:
    """``value`` as a row. Raises InvalidDataError: it is none, or JSON in UTF-8 cannot hold it."""
    if not isinstance(value, dict):
        raise InvalidDataError(f"{where}: {kind_of(value)} where an object should stand; write {{...}}")
    problem = row_problem(value)
    if problem is not None:
        raise InvalidDataError(f"{where}: {problem}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand once: of two values under one key, one would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in names if names.count(key) > 1)!r} stands twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


# Made once: json.loads and json.dumps would make them anew for every row.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique)
