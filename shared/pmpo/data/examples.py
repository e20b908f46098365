"""Rows to examples: which key holds the input, which the target, and what the placeholders of a prompt may name."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from pmpo.contracts.jobs import FieldNames, Row
from pmpo.errors import EmptyTargetError, InvalidDataError, InvalidInputError, PlaceholderError
from pmpo.optim.types import Example
from pmpo.text.placeholders import placeholders


def to_examples(rows: Sequence[Row], fields: FieldNames, *, name: str = "the data") -> tuple[Example, ...]:
    """Examples with the rows' numbers (from 0) as their ``index``, in order.

    Every text, number and truth value of a row becomes a field that a placeholder may name, under its key; ``input``
    always names the row's input. The target is not among them: a prompt that could quote it would win by quoting it.
    Numbers and truth values are written as in JSON.

    Args:
        rows: the rows as loaded.
        fields: which keys hold input and target.
        name: what messages call these rows, for example ``train``.

    Raises:
        InvalidDataError: a row without input or target, or with one that is no text (row number and keys are named).
        EmptyTargetError: a target without anything but white space.
        InvalidInputError: input and target are the same key.
    """
    if fields.input == fields.target:
        raise InvalidInputError(f"input and target are both the key {fields.input!r}; name two keys under 'fields'")
    return tuple(_example(index, row, fields, f"row {index} (from 0) of {name}") for index, row in enumerate(rows))


def check_placeholders(prompt: str, examples: Sequence[Example]) -> None:
    """Refuse a prompt whose placeholders the examples cannot fill.

    Raises:
        PlaceholderError: names the placeholder, the first row without such a field, and the fields that it has.
    """
    for name in dict.fromkeys(placeholders(prompt)):
        lacking = next((example for example in examples if name not in example.fields), None)
        if lacking is not None:
            known = ", ".join(sorted(lacking.fields)) or "none"
            raise PlaceholderError(
                f"the prompt's placeholder {{{{{name}}}}} has no field in row {lacking.index} (from 0); "
                f"use one of the fields that are there: {known}"
            )


def _example(index: int, row: Row, fields: FieldNames, where: str) -> Example:
    given = _text_at(row, fields.input, where)
    target = _text_at(row, fields.target, where)
    if not target.strip():
        raise EmptyTargetError(f"{where} has an empty target ({fields.target!r}); fill it in or leave the row out")
    values = {key: _scalar_text(value) for key, value in row.items() if key != fields.target}
    texts = {key: text for key, text in values.items() if text is not None}
    return Example(index=index, input=given, targets=(target,), fields={**texts, "input": given})


def _text_at(row: Row, key: str, where: str) -> str:
    if row.get(key) is None:
        if key in row:
            raise InvalidDataError(f"{where}: {key!r} is null; fill it in or leave the row out")
        keys = ", ".join(map(str, row)) or "none"
        raise InvalidDataError(
            f"{where}: the key {key!r} is missing; the keys there are: {keys}; say under 'fields' which key holds what"
        )
    text = _scalar_text(row[key])
    if text is None:
        raise InvalidDataError(f"{where}: {key!r} holds a {type(row[key]).__name__}; it must be a text or a number")
    return text


def _scalar_text(value: Any) -> str | None:
    """The text of a scalar; None for what is none: null, lists, objects, infinities."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return json.dumps(value) if isinstance(value, bool | int | float) else None
