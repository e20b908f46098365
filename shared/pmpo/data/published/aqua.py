"""AQuA-RAT (Ling et al., arXiv 1705.04146): rows of ``input`` that lists its options, ``options`` and ``target``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pmpo.contracts.jobdata import Row
from pmpo.data.published.reading import text_of, with_answer
from pmpo.errors import InvalidDataError

_OPTION = re.compile(r"\s*\(?([A-E])\)\s*(.*)", re.DOTALL)


def aqua_rows(published: Sequence[Row], task: str, *, with_reasoning: bool) -> list[Row]:
    """One row for each published one, in order.

    ``options`` is an object from ``(A)`` to its text; the target ends in such a letter, or is one without the published
    reasoning.

    Raises:
        InvalidDataError: a row has no options that begin with letters, or an answer that is none of them.
    """
    return [_row(row, number, with_reasoning) for number, row in enumerate(published)]


def _row(published: Row, number: int, with_reasoning: bool) -> Row:
    options, right = _options(published, number), f"({text_of(published, 'correct', number).strip()})"
    if right not in options:
        raise InvalidDataError(f"row {number} (from 0) of the published file: {right} is none of its options")
    listed = "\n".join(f"{letter} {text}" for letter, text in options.items())
    given = f"{text_of(published, 'question', number)}\nOptions:\n{listed}"
    target = with_answer(text_of(published, "rationale", number), right) if with_reasoning else right
    return {"input": given, "options": options, "target": target}


def _options(published: Row, number: int) -> dict[str, str]:
    found = published.get("options")
    matches = [_OPTION.fullmatch(str(option)) for option in found] if isinstance(found, list) else []
    options = {f"({match.group(1)})": match.group(2).strip() for match in matches if match}
    if len(options) < 2 or len(options) < len(matches):
        raise InvalidDataError(
            f"row {number} (from 0) of the published file has no list of options like 'A)12'; take the file as its "
            "authors publish it"
        )
    return options
