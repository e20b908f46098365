"""What every adapter needs of a published row."""

from __future__ import annotations

from pmpo.contracts.jobdata import Row
from pmpo.errors import InvalidDataError


def text_of(row: Row, key: str, number: int) -> str:
    """The text under ``key`` of row ``number`` (from 0).

    Raises:
        InvalidDataError: it is not there, so the file is another one than the name says.
    """
    value = row.get(key)
    if isinstance(value, str):
        return value
    keys = ", ".join(map(str, row)) or "none"
    raise InvalidDataError(
        f"row {number} (from 0) of the published file has no text under {key!r} (its keys: {keys}); "
        "take the file as its authors publish it"
    )


def with_answer(reasoning: str, answer: str) -> str:
    """Reasoning as a target: the answer is stated on a last line, where every metric finds it."""
    return f"{reasoning.strip()}\nThe answer is {answer}"
