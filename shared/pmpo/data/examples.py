"""Rows to examples: which keys hold what, and what the placeholders of a prompt may name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from pmpo.contracts.jobdata import Row
from pmpo.contracts.objectives import FieldNames, ObjectiveKind
from pmpo.data.answers import answer_keys, number_at, options_text, scalar_text, targets_of, text_at
from pmpo.errors import InvalidDataError, InvalidInputError, PlaceholderError
from pmpo.optim.types import Example
from pmpo.text.placeholders import placeholders


def to_examples(
    rows: Sequence[Row],
    fields: FieldNames,
    *,
    name: str = "the data",
    kind: ObjectiveKind = "supervised",
    answer_prefix: str = "",
) -> tuple[Example, ...]:
    """Examples with the rows' numbers (from 0) as their ``index``, in order.

    Every text, number and truth value of a row becomes a field that a placeholder may name, under its key; ``input``
    always names the row's input, and options are listed one a line. The answers are not among them: a prompt that could
    quote one would win by quoting it. Numbers and truth values are written as in JSON.

    Args:
        rows: the rows as loaded.
        fields: which keys hold what.
        name: what messages call these rows, for example ``train``.
        kind: what is minimised: it says which answers a row must have.
        answer_prefix: how every answer begins.

    Raises:
        InvalidDataError: a row without input or answers, or with ones that cannot be used (row number and keys are
            named); weights that are all 0; a weight or margin that no row has although ``fields`` names it.
        EmptyTargetError: an answer without anything but white space.
        InvalidInputError: two things are the same key.
    """
    _check_keys(fields, kind)
    examples = tuple(
        _example(index, row, fields, kind, prefix=answer_prefix, where=f"row {index} (from 0) of {name}")
        for index, row in enumerate(rows)
    )
    _check_numbers(rows, fields, kind, name)
    if examples and not any(example.weight for example in examples):
        raise InvalidDataError(f"all rows of {name} weigh 0 ({fields.weight!r}); give one a weight above 0")
    return examples


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


def _example(index: int, row: Row, fields: FieldNames, kind: ObjectiveKind, *, prefix: str, where: str) -> Example:
    given = text_at(row, fields.input, where)
    targets = targets_of(row, fields, kind, where)
    hidden = answer_keys(fields, kind).values()
    values = {key: scalar_text(value) for key, value in row.items() if key not in hidden}
    if kind == "options":
        values[fields.options] = options_text(row, fields)
    texts = {key: text for key, text in values.items() if text is not None}
    return Example(
        index=index,
        input=given,
        targets=targets,
        fields={**texts, "input": given},
        weight=number_at(row, fields, "weight", 1.0, where),
        margin=number_at(row, fields, "margin", 0.0, where) if kind == "preference" else 0.0,
        answer_prefix=prefix,
    )


def _check_keys(fields: FieldNames, kind: ObjectiveKind) -> None:
    """Refuse one key for two things."""
    used = {"input": fields.input, **answer_keys(fields, kind)}
    numbers = {"weight": fields.weight} | ({"margin": fields.margin} if kind == "preference" else {})
    used |= {name: key for name, key in numbers.items() if key is not None}
    for (name, key), (other, same) in combinations(used.items(), 2):
        if key == same:
            raise InvalidInputError(f"{name} and {other} are both the key {key!r}; name two keys under 'fields'")


def _check_numbers(rows: Sequence[Row], fields: FieldNames, kind: ObjectiveKind, name: str) -> None:
    """Refuse a key for weights or margins that somebody chose and no row has: a slip of the pen would be silent."""
    for number in ("weight", "margin") if kind == "preference" else ("weight",):
        key = getattr(fields, number)
        if key not in (None, number) and not any(key in row for row in rows):
            raise InvalidDataError(
                f"no row of {name} has the key {key!r}, which fields.{number} names; correct the name or remove it"
            )
