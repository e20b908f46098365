"""Marked prompts: a copy of a prompt with ``<mask>`` and ``</mask>`` around some of its parts, read back into spans.

Models are asked for such copies and may answer with anything: a copy is taken only when, with the tags taken out, it is
the prompt (white space aside). Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pmpo.text.units import Span, delete, frozen_spans

_TAG = re.compile(r"<\s*(/?)\s*mask\s*>", re.IGNORECASE)
_WORD = re.compile(r"\w")


class MarkingError(ValueError):
    """A marked copy that cannot be used; the message says why, as half a sentence."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A text without its mask tags, and the spans that they enclosed there, in order."""

    text: str
    spans: tuple[Span, ...]


def read_marks(marked: str) -> Marked:
    """Take the mask tags out of ``marked``.

    Raises:
        MarkingError: tags that are nested, or without their partner.
    """
    pieces, spans = [], []
    position, length, opened_at = 0, 0, None
    for tag in _TAG.finditer(marked):
        pieces.append(marked[position : tag.start()])
        length += tag.start() - position
        position = tag.end()
        if (tag.group(1) == "") != (opened_at is None):
            raise MarkingError("the mask tags are nested or without their partner")
        if opened_at is None:
            opened_at = length
        else:
            spans.append((opened_at, length))
            opened_at = None
    if opened_at is not None:
        raise MarkingError("the last mask tag is not closed")
    return Marked("".join((*pieces, marked[position:])), tuple(spans))


def marked_units(prompt: str, marked: str, *, protected: Sequence[str] = (), max_units: int = 5) -> list[Span]:
    """The spans of ``prompt`` that ``marked``, a copy of it, encloses in mask tags, in order.

    Args:
        prompt: the text whose parts are marked.
        marked: the copy; its white space may differ.
        protected: texts that no span may touch, beside placeholders and code blocks.
        max_units: the most spans.

    Raises:
        MarkingError: the copy is no copy, or its marks are none, too many, nested, empty, the whole prompt, or touch
            what must stay.
    """
    copy = read_marks(marked)
    if _squeezed(copy.text) != _squeezed(prompt):
        raise MarkingError("with the mask tags taken out it is not the prompt")
    if not copy.spans:
        raise MarkingError("no part was marked")
    if len(copy.spans) > max_units:
        raise MarkingError(f"{len(copy.spans)} parts were marked; at most {max_units} were asked for")
    spans = _carried_over(prompt, copy)
    for span in spans:
        if not _WORD.search(prompt[span[0] : span[1]]):
            raise MarkingError("a marked part holds no word")
        if not delete(prompt, span).strip():
            raise MarkingError("the whole prompt was marked as one part")
        if any(low < span[1] and span[0] < high for low, high in frozen_spans(prompt, protected)):
            raise MarkingError("a marked part touches a placeholder, a code block or a protected text")
    return spans


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _carried_over(prompt: str, copy: Marked) -> list[Span]:
    """The spans of the copy in the prompt, by counting what is no white space; empty marks become empty spans."""
    places = [position for position, letter in enumerate(prompt) if not letter.isspace()]
    counts = [0]
    for letter in copy.text:
        counts.append(counts[-1] + (not letter.isspace()))
    spans = []
    for start, end in copy.spans:
        first, last = counts[start], counts[end]
        spans.append((places[first], places[last - 1] + 1) if first < last else (0, 0))
    assert all(left[1] <= right[0] for left, right in pairwise(span for span in spans if span != (0, 0)))
    return spans
