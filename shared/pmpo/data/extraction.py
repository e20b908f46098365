"""Final answers out of longer texts: pure functions that say None where there is none, and never guess."""

from __future__ import annotations

import re
from decimal import Decimal

_STATED = re.compile(r"\banswer\b[ \t*_]*(?:is\b|:|=)[ \t*_:]*([^\s:*_][^\n]*)|^[ \t]*####[ \t]*([^\n]+)", re.I | re.M)
_SENTENCE_END = re.compile(r"\n|[.!?:;][ \t]+")
_BOXED = re.compile(r"\\boxed\{([^{}]+)\}")
_NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>[-\u2212]?)[$€£]?(?P<size>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?P<power>[eE][-+]?\d+)?"
)
_BRACKETED = re.compile(r"\(([A-Za-z])\)")
_LEADING = re.compile(r"\(?([A-Za-z])(?:\)|[.:,](?:\s|$)|\s*$)")
_ORNAMENT = " \t*_`\"'"


def last_line(text: str) -> str:
    """The last line that holds more than white space, stripped; empty when there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def stated_answer(text: str) -> str | None:
    """What follows the last "answer is", "answer:", ``####`` or TeX's boxed, to the end of its line.

    Quotation marks, emphasis and a full stop at the end are taken off. None where no answer is stated.
    """
    found = [(match.end(), match.group(1) or match.group(2)) for match in _STATED.finditer(text)]
    found += [(match.end(), match.group(1)) for match in _BOXED.finditer(text)]
    if not found:
        return None
    _, answer = max(found)
    boxed = _BOXED.search(answer)
    return _bare(boxed.group(1) if boxed else answer) or None


def split_at_answer(text: str) -> tuple[str, str | None]:
    """What stands before the last stated answer, up to the sentence or line that states it, and the answer.

    ``3 + 4 = 7. So the answer is 7.`` gives ``3 + 4 = 7.`` and ``7``. (whole text, None) where none is stated.
    """
    starts = [match.start() for pattern in (_STATED, _BOXED) for match in pattern.finditer(text)]
    answer = stated_answer(text)
    if not starts or answer is None:
        return text.strip(), None
    before = text[: max(starts)]
    cut = max((match.end() for match in _SENTENCE_END.finditer(before)), default=0)
    return before[:cut].strip(), answer


def final_answer(text: str) -> str:
    """The stated answer, or else the last line; empty for an empty text."""
    stated = stated_answer(text)
    return _bare(last_line(text)) if stated is None else stated


def number_in(text: str) -> Decimal | None:
    """The number that a text ends in: the first one of a stated answer, or else the last one of the whole text.

    Thousands may be parted by commas; a currency sign before it and a percent sign after it are passed over.
    """
    stated = stated_answer(text)
    numbers = [] if stated is None else list(_NUMBER.finditer(stated))
    if numbers:
        return _decimal(numbers[0])
    numbers = list(_NUMBER.finditer(text))
    return _decimal(numbers[-1]) if numbers else None


def option_in(text: str) -> str | None:
    """The option's letter, in upper case: of a stated answer, or else of the last line, or else the last in brackets.

    ``B``, ``(b)``, ``B.`` and ``B) Oslo`` are all option B; a letter inside of words is none.
    """
    for part in (stated_answer(text), last_line(text)):
        leading = _LEADING.match(_bare(part)) if part else None
        if leading:
            return leading.group(1).upper()
    bracketed = _BRACKETED.findall(text)
    return bracketed[-1].upper() if bracketed else None


def _bare(text: str) -> str:
    return text.strip(_ORNAMENT).removesuffix(".").strip(_ORNAMENT)


def _decimal(match: re.Match[str]) -> Decimal:
    sign = "-" if match["sign"] else ""
    return Decimal(f"{sign}{match['size'].replace(',', '')}{match['power'] or ''}")
