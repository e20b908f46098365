"""Units of a prompt: the removable parts that the mask analysis deletes one at a time.

A unit is a paragraph's sentence or a list item. Units never begin or end inside a placeholder, a code block or a
protected text, and never contain one: what must stay is not removable, so the text beside it forms its own unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

_FROZEN = re.compile(r"```.*?(?:```|\Z)|\{\{[^{}]*\}\}", re.DOTALL)
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[A-Z0-9\-*])|(?<=[。！？])")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Mr|Mrs|Ms|Dr|St|No|approx)\.|\b[A-Z]\.)$")
_WORD = re.compile(r"\w")

Span = tuple[int, int]


def segment(prompt: str, *, protected: Sequence[str] = (), max_units: int = 5) -> list[Span]:
    """Cut ``prompt`` into at most ``max_units`` removable spans, in order, by rule.

    When there are more sentences and list items than that, neighbours with the shortest joint text are joined.
    Returns an empty list when fewer than two units are found: deleting the only one leaves nothing to compare.
    """
    frozen = frozen_spans(prompt, protected)
    pieces: list[Span] = []
    for line in _line_spans(prompt):
        for free in _without(line, frozen):
            pieces.extend(_sentences(prompt, free))
    spans = [span for span in (_stripped(prompt, piece) for piece in pieces) if _WORD.search(prompt[span[0] : span[1]])]
    if len(spans) + len(frozen) < 2:
        return []
    return _joined(spans, frozen, max_units)


def delete(prompt: str, span: Span) -> str:
    """``prompt`` without the span, and without the white space that only separated it (equation 1)."""
    left, right = prompt[: span[0]], prompt[span[1] :]
    before, after = left.rstrip(), right.lstrip()
    if not before or not after:
        return before + after
    gaps = (left[len(before) :], right[: len(right) - len(after)])
    return before + max(gaps, key=lambda gap: (gap.count("\n"), len(gap))) + after


def replace(prompt: str, span: Span, filler: str = "...") -> str:
    """``prompt`` with the span replaced by a filler: the placeholder mode of the mask analysis."""
    return prompt[: span[0]] + filler + prompt[span[1] :]


def frozen_spans(prompt: str, protected: Iterable[str]) -> list[Span]:
    """What must stay: placeholders, code blocks and every occurrence of a protected text, in order, merged."""
    spans = [match.span() for match in _FROZEN.finditer(prompt)]
    for text in protected:
        start = prompt.find(text)
        while text and start >= 0:
            spans.append((start, start + len(text)))
            start = prompt.find(text, start + len(text))
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span[0] <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], span[1]))
        else:
            merged.append(span)
    return merged


def _line_spans(prompt: str) -> list[Span]:
    spans: list[Span] = []
    position = 0
    for line in prompt.splitlines(keepends=True):
        end = position + len(line)
        spans.append((position, end))
        position = end
    return spans


def _without(span: Span, frozen: Sequence[Span]) -> list[Span]:
    """The parts of ``span`` outside the frozen spans."""
    parts: list[Span] = []
    start = span[0]
    for low, high in frozen:
        if high <= start or low >= span[1]:
            continue
        if low > start:
            parts.append((start, low))
        start = max(start, high)
    if start < span[1]:
        parts.append((start, span[1]))
    return parts


def _sentences(prompt: str, span: Span) -> list[Span]:
    start, end = span
    text = prompt[start:end]
    if _LIST_ITEM.match(text):
        return [span]
    cuts = [0]
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[: match.start()]):
            cuts.append(match.end())
    cuts.append(len(text))
    return [(start + low, start + high) for low, high in pairwise(cuts) if high > low]


def _stripped(prompt: str, span: Span) -> Span:
    text = prompt[span[0] : span[1]]
    lead = len(text) - len(text.lstrip())
    return (span[0] + lead, span[0] + lead + len(text.strip()))


def _joined(spans: list[Span], frozen: Sequence[Span], max_units: int) -> list[Span]:
    """Join neighbours until at most ``max_units`` are left, never over a frozen span; what cannot join is left out."""
    units = list(spans)
    while len(units) > max_units:
        pairs = [
            (right[1] - left[0], position)
            for position, (left, right) in enumerate(pairwise(units))
            if not any(low >= left[1] and high <= right[0] for low, high in frozen)
        ]
        if not pairs:
            return units[:max_units]
        _, position = min(pairs)
        units[position : position + 2] = [(units[position][0], units[position + 1][1])]
    return units
