"""BIG-Bench Hard (Suzgun et al., arXiv 2210.09261): rows of ``input``, ``target`` and, for a choice, ``options``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pmpo.contracts.jobdata import Row
from pmpo.data.published.reading import text_of

# Tasks with a closed set of answers that their inputs do not list.
CLOSED: Mapping[str, tuple[str, ...]] = {
    "boolean_expressions": ("True", "False"),
    "sports_understanding": ("yes", "no"),
    "web_of_lies": ("Yes", "No"),
}
_BLOCK = re.compile(r"\nOptions:\n(.+)\Z", re.DOTALL)
_LETTERED = re.compile(r"(\([A-Z]\))\s*(.*?)\s*")
_DASHED = re.compile(r"- (.*\S)\s*")


def bbh_rows(published: Sequence[Row], task: str, *, with_reasoning: bool) -> list[Row]:
    """One row for each published one, in order, but for choices of a single option or whose answer is none of them.

    ``options`` is an object from ``(A)`` to its text where the input letters them, so that the letters are scored; a
    list of texts where it lists them with dashes, or where the task has a closed set of answers. The published files
    hold answers alone, so ``with_reasoning`` changes nothing.
    """
    rows = (_row(row, task, number) for number, row in enumerate(published))
    return [row for row in rows if "options" not in row or _can_be_chosen(row)]


def _can_be_chosen(row: Row) -> bool:
    return len(row["options"]) > 1 and row["target"] in row["options"]


def _row(published: Row, task: str, number: int) -> Row:
    given, target = text_of(published, "input", number), text_of(published, "target", number)
    options = _options(given) or list(CLOSED.get(task, ()))
    return {"input": given, "target": target, **({"options": options} if options else {})}


def _options(given: str) -> dict[str, str] | list[str]:
    block = _BLOCK.search(given)
    lines = block.group(1).split("\n") if block else []
    lettered = [(match.group(1), match.group(2)) for match in map(_LETTERED.fullmatch, lines) if match]
    if lines and len(lettered) == len(lines):
        return dict(lettered)
    dashed = [match.group(1) for match in map(_DASHED.fullmatch, lines) if match]
    return dashed if len(dashed) == len(lines) else []
