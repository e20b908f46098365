"""Field mapping: rows with their keys renamed to those that jobs read when nothing else is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pmpo.contracts.jobdata import Row
from pmpo.errors import InvalidDataError, InvalidInputError


def parse_mapping(given: Iterable[str]) -> dict[str, str]:
    """New names by old ones, from texts such as ``input=review`` (the key ``review`` becomes ``input``).

    Raises:
        InvalidInputError: a text of another form, or a name that stands twice.
    """
    names: dict[str, str] = {}
    for text in given:
        new, equals, old = text.partition("=")
        if not equals or not new or not old:
            raise InvalidInputError(
                f"the field {text!r:.60} is not of the form NEW=OLD; write for example input=review"
            )
        if old in names or new in names.values():
            raise InvalidInputError(f"the field {text!r:.60} names a key a second time; name each key once")
        names[old] = new
    return names


def renamed(rows: Iterable[Row], names: Mapping[str, str]) -> Iterator[Row]:
    """The rows with their keys renamed; a key that is not named stays as it is.

    Raises:
        InvalidDataError: a row without a key that is renamed, or with a key of the new name beside it.
    """
    for number, row in enumerate(rows):
        missing = next((old for old in names if old not in row), None)
        if missing is not None:
            keys = ", ".join(map(str, row)) or "none"
            raise InvalidDataError(f"row {number} (from 0) has no key {missing!r}; the keys there are: {keys}")
        taken = next((new for old, new in names.items() if new in row and new not in names), None)
        if taken is not None:
            raise InvalidDataError(
                f"row {number} (from 0) has a key {taken!r} already; rename that one as well, for example "
                f"old_{taken}={taken}"
            )
        yield {names.get(key, key): value for key, value in row.items()}
