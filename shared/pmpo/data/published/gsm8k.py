"""GSM8K (Cobbe et al., arXiv 2110.14168): rows of ``input`` and ``target``, a number at its end."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pmpo.contracts.jobdata import Row
from pmpo.data.published.reading import text_of, with_answer
from pmpo.errors import InvalidDataError

_CALCULATION = re.compile(r"<<[^<>\n]*>>")


def gsm8k_rows(published: Sequence[Row], task: str, *, with_reasoning: bool) -> list[Row]:
    """One row for each published one, in order: without the calculator's annotations, the number without commas.

    Raises:
        InvalidDataError: an answer does not end in ``#### number``.
    """
    return [_row(row, number, with_reasoning) for number, row in enumerate(published)]


def _row(published: Row, number: int, with_reasoning: bool) -> Row:
    reasoning, mark, answer = text_of(published, "answer", number).rpartition("####")
    if not mark:
        raise InvalidDataError(
            f"row {number} (from 0) of the published file has an answer without '####'; take the file as its authors "
            "publish it"
        )
    value = answer.strip().replace(",", "")
    target = with_answer(_CALCULATION.sub("", reasoning), value) if with_reasoning else value
    return {"input": text_of(published, "question", number), "target": target}
