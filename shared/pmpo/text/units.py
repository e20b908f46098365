"""Units of a prompt: the removable parts that the mask analysis deletes one at a time.

A unit is a paragraph's sentence or a list item. Units never begin or end inside a placeholder, a code block or a
protected text, and never contain one: what must stay is not removable, so the text beside it forms its own unit.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

_FROZEN = re.compile(r"```.*?(?:```|\Z)|\{\{[^{}]*\}\}", re.DOTALL)
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[A-Z0-9\-*])|(?<=[。！？])")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Mr|Mrs|Ms|Dr|St|No|approx)\.|\b[A-Z]\.)$")
MOST_ABBREVIATED = 16  # characters, more than any abbreviation above has
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


def _end(span: Span) -> int:
    return span[1]


def _without(span: Span, frozen: Sequence[Span]) -> list[Span]:
    """The parts of ``span`` outside the frozen spans."""
    parts: list[Span] = []
    start = span[0]
    for at in range(bisect_right(frozen, start, key=_end), len(frozen)):
        low, high = frozen[at]
        if low >= span[1]:
            break
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
        if not _ABBREVIATION.search(text, max(0, match.start() - MOST_ABBREVIATED), match.start()):
            cuts.append(match.end())
    cuts.append(len(text))
    return [(start + low, start + high) for low, high in pairwise(cuts) if high > low]


def _stripped(prompt: str, span: Span) -> Span:
    text = prompt[span[0] : span[1]]
    lead = len(text) - len(text.lstrip())
    return (span[0] + lead, span[0] + lead + len(text.strip()))


def _joined(spans: list[Span], frozen: Sequence[Span], max_units: int) -> list[Span]:
    """Join neighbours until at most ``max_units`` are left, never over a frozen span; what cannot join is left out.

    The two that are shortest together are joined first, of equal ones the first two. A heap holds the pairs by the left
    one's place in ``spans``; what it says of a unit that has grown since is skipped.
    """
    ends, num = [end for _, end in spans], len(spans)
    following = list(range(1, num + 1))
    preceding = list(range(-1, num - 1))
    may_join = _open_gaps(spans, frozen)
    left_out = [False] * num

    def pair(left: int) -> tuple[int, int]:
        return (ends[following[left]] - spans[left][0], left)

    pairs = [pair(left) for left in range(num - 1) if may_join[left]]
    heapify(pairs)
    num_left = num
    while num_left > max_units and pairs:
        found = heappop(pairs)
        left = found[1]
        if left_out[left] or not may_join[left] or found != pair(left):
            continue
        right = following[left]
        ends[left], following[left], may_join[left] = ends[right], following[right], may_join[right]
        left_out[right] = True
        num_left -= 1
        if following[left] < num:
            preceding[following[left]] = left
        for grown in (preceding[left], left):
            if grown >= 0 and may_join[grown]:
                heappush(pairs, pair(grown))
    return [(spans[at][0], ends[at]) for at in range(num) if not left_out[at]][:max_units]


def _open_gaps(spans: Sequence[Span], frozen: Sequence[Span]) -> list[bool]:
    """For each span, whether it may be joined with the next: there is one, and nothing frozen lies between them."""
    lows = [low for low, _ in frozen]
    found = []
    for (_, end), (start, _) in pairwise(spans):
        at = bisect_left(lows, end)
        found.append(at == len(frozen) or frozen[at][1] > start)
    return [*found, False]
