"""The known answers of a row, by what the job minimises: one target, a chosen and a rejected one, or options."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pmpo.contracts.jobdata import Row
from pmpo.contracts.objectives import FieldNames, ObjectiveKind
from pmpo.contracts.scoring import MAX_WEIGHT
from pmpo.errors import EmptyTargetError, InvalidDataError

MAX_NAMED_OPTIONS = 8


def answer_keys(fields: FieldNames, kind: ObjectiveKind) -> dict[str, str]:
    """The keys under which a row's answers stand, by their names in ``fields``."""
    if kind == "preference":
        return {"chosen": fields.chosen, "rejected": fields.rejected}
    if kind == "options":
        return {"options": fields.options, "answer": fields.answer}
    return {"target": fields.target}


def targets_of(row: Row, fields: FieldNames, kind: ObjectiveKind, where: str) -> tuple[str, ...]:
    """The texts that are scored, the right one first.

    Raises:
        InvalidDataError: a missing or unusable answer, a pair of equal ones, or options without the answer.
        EmptyTargetError: an answer without anything but white space.
    """
    if kind == "options":
        return _options(row, fields, where)
    answers = tuple(filled(row, key, where) for key in answer_keys(fields, kind).values())
    if len({answer.strip() for answer in answers}) < len(answers):
        raise InvalidDataError(
            f"{where}: {fields.chosen!r} and {fields.rejected!r} hold the same answer, so there is nothing to prefer; "
            "correct one of them or leave the row out"
        )
    return answers


def options_text(row: Row, fields: FieldNames) -> str:
    """The options in the row's order, one a line, for a prompt that shows them: ``- text``, or ``A: text``."""
    given = row[fields.options]
    if isinstance(given, Mapping):
        return "\n".join(f"{letter}: {scalar_text(text)}" for letter, text in given.items())
    return "\n".join(f"- {scalar_text(text)}" for text in given)


def number_at(row: Row, fields: FieldNames, name: str, default: float, where: str) -> float:
    """The row's ``weight`` or ``margin``; ``default`` where it has none. A CSV file holds numbers as text.

    Raises:
        InvalidDataError: what stands there is no number from 0 to ``MAX_WEIGHT``.
    """
    key = getattr(fields, name)
    value = row.get(key) if key is not None else None
    if value is None:
        return default
    number = _number(value)
    if number is None or not 0 <= number <= MAX_WEIGHT:
        raise InvalidDataError(
            f"{where}: the {name} {key!r} is {value!r:.60} and must be a number from 0 to {MAX_WEIGHT:,.0f}; correct "
            f"it, or write `fields: {{{name}: null}}` if the key means something else"
        )
    return number


def filled(row: Row, key: str, where: str) -> str:
    """The answer under ``key``. Raises InvalidDataError, EmptyTargetError."""
    text = text_at(row, key, where)
    if not text.strip():
        raise EmptyTargetError(f"{where} has an empty target ({key!r}); fill it in or leave the row out")
    return text


def text_at(row: Row, key: str, where: str) -> str:
    """The text or number under ``key``, as text. Raises InvalidDataError."""
    text = scalar_text(_value_at(row, key, where))
    if text is None:
        raise InvalidDataError(f"{where}: {key!r} holds a {type(row[key]).__name__}; it must be a text or a number")
    return text


def scalar_text(value: Any) -> str | None:
    """The text of a scalar; None for what is none: null, lists, objects, infinities."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def _options(row: Row, fields: FieldNames, where: str) -> tuple[str, ...]:
    """The answer, then the other options: letters when the answer is a letter of a mapping, else texts."""
    given = _value_at(row, fields.options, where)
    answer = filled(row, fields.answer, where)
    choices = _choices(given, answer, fields.options, where)
    if len(choices) < 2:
        raise InvalidDataError(f"{where}: {fields.options!r} holds fewer than 2 options; add some or leave the row out")
    if any(not choice.strip() for choice in choices):
        raise EmptyTargetError(f"{where}: {fields.options!r} holds an empty option; fill it in or remove it")
    if len(set(choices)) < len(choices):
        raise InvalidDataError(f"{where}: an option stands twice under {fields.options!r}; remove one of the two")
    if answer not in choices:
        raise InvalidDataError(
            f"{where}: the answer {answer!r:.60} is none of the options ({_listed(choices)}); correct {fields.answer!r}"
        )
    return (answer, *(choice for choice in choices if choice != answer))


def _choices(given: Any, answer: str, key: str, where: str) -> list[str]:
    if isinstance(given, Mapping):
        letters = [str(letter) for letter in given]
        if answer in letters:
            return letters
        given = list(given.values())
    if not isinstance(given, list):
        raise InvalidDataError(
            f"{where}: {key!r} holds a {type(given).__name__}; give a list of options or an object of letters and "
            "texts (in a .jsonl or .json file)"
        )
    texts = [scalar_text(option) for option in given]
    if None in texts:
        raise InvalidDataError(f"{where}: an option under {key!r} is no text and no number; correct it")
    return [text for text in texts if text is not None]


def _value_at(row: Row, key: str, where: str) -> Any:
    if row.get(key) is not None:
        return row[key]
    if key in row:
        raise InvalidDataError(f"{where}: {key!r} is null; fill it in or leave the row out")
    keys = ", ".join(map(str, row)) or "none"
    raise InvalidDataError(
        f"{where}: the key {key!r} is missing; the keys there are: {keys}; say under 'fields' which key holds what (on "
        f"the command line: --field {key}=KEY)"
        f"{_hint(row, key)}"
    )


def _hint(row: Row, key: str) -> str:
    """The objective that the rows look like, when the missing key is another one's."""
    looks = {"preference": ("chosen", "rejected"), "options": ("options", "answer"), "supervised": ("target",)}
    for kind, keys in looks.items():
        if key not in keys and all(name in row for name in keys):
            return f", or set objective.kind to {kind}, whose keys these are"
    return ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _listed(choices: Sequence[str]) -> str:
    named = ", ".join(f"{choice!r:.40}" for choice in choices[:MAX_NAMED_OPTIONS])
    return named if len(choices) <= MAX_NAMED_OPTIONS else f"{named}, ..."
