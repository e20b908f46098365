"""AlpacaEval (github.com/tatsu-lab/alpaca_eval): one model's outputs as targets, or two models' as preference pairs."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.contracts.jobdata import Row
from pmpo.data.published.reading import text_of
from pmpo.errors import InvalidDataError

UNDECIDED = 1.5


def alpaca_output_rows(published: Sequence[Row], task: str, *, with_reasoning: bool) -> list[Row]:
    """``model_outputs.json``: rows of ``input`` (the instruction) and ``target``; empty outputs are left out."""
    rows = [
        {"input": text_of(row, "instruction", number), "target": text_of(row, "output", number)}
        for number, row in enumerate(published)
    ]
    return [row for row in rows if row["target"].strip()]


def alpaca_pair_rows(published: Sequence[Row], task: str, *, with_reasoning: bool) -> list[Row]:
    """``annotations.json``: rows of ``input``, ``chosen`` and ``rejected``.

    A preference above 1.5 chooses the second output, one below it the first. Rows without a decision, with an empty
    output or with two equal ones are left out: there is nothing to prefer in them.

    Raises:
        InvalidDataError: a preference that is no number from 1 to 2.
    """
    rows = [_pair(row, number) for number, row in enumerate(published)]
    return [row for row in rows if row and "" not in (row["chosen"].strip(), row["rejected"].strip())]


def _pair(published: Row, number: int) -> Row:
    """An empty row where nothing is preferred."""
    preference = published.get("preference")
    if preference is None or preference == UNDECIDED:
        return {}
    if isinstance(preference, bool) or not isinstance(preference, int | float) or not 1 <= preference <= 2:
        raise InvalidDataError(
            f"row {number} (from 0) of the published file has the preference {preference!r:.40}, which is no number "
            "from 1 to 2; take annotations.json as its authors publish it"
        )
    outputs = [text_of(published, key, number) for key in ("output_1", "output_2")]
    if outputs[0].strip() == outputs[1].strip():
        return {}
    chosen, rejected = outputs if preference < UNDECIDED else outputs[::-1]
    return {"input": text_of(published, "instruction", number), "chosen": chosen, "rejected": rejected}
