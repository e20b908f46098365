"""The word diff of two prompts. Nothing is lost: the pieces spell out both texts exactly."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

Op = Literal["equal", "delete", "insert"]
Piece = tuple[Op, str]

# A word, a run of white space, or one other character; scripts without spaces go character by character.
_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(rf"[{_NO_SPACES}]|[^\W{_NO_SPACES}]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Hunk:
    """What stood here before and what stands here now. ``is_shown_equal``: shown as one text, which both have."""

    old: str
    new: str
    is_shown_equal: bool

    @property
    def size(self) -> int:
        return max(len(self.old), len(self.new))


def word_diff(old: str, new: str) -> tuple[Piece, ...]:
    """What changed from ``old`` to ``new``, word by word, in reading order.

    Joining the equal and deleted pieces gives ``old``; joining the equal and inserted ones gives ``new``. No piece is
    empty, and where a passage was replaced the deletion comes first. Passages that share only scattered words are shown
    as one replacement, because a confetti of single words cannot be read.
    """
    hunks = _joined(_token_hunks(_TOKEN.findall(old), _TOKEN.findall(new)))
    while True:
        calmer = _joined(_without_specks(hunks))
        if len(calmer) == len(hunks):
            return tuple(_pieces(hunks))
        hunks = calmer


def _token_hunks(old: list[str], new: list[str]) -> Iterator[_Hunk]:
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new).get_opcodes():
        yield _Hunk("".join(old[i1:i2]), "".join(new[j1:j2]), is_shown_equal=tag == "equal")


def _without_specks(hunks: list[_Hunk]) -> Iterator[_Hunk]:
    """Call shared text changed where it is a speck between two changes."""
    for index, hunk in enumerate(hunks):
        is_inside = 0 < index < len(hunks) - 1
        if hunk.is_shown_equal and is_inside and _is_speck(hunk.old, hunks[index - 1], hunks[index + 1]):
            yield replace(hunk, is_shown_equal=False)
        else:
            yield hunk


def _is_speck(text: str, before: _Hunk, after: _Hunk) -> bool:
    """Whether shared text is too short to be worth keeping apart: blank, or shorter than both its neighbours."""
    return not text.strip() or len(text) < min(before.size, after.size)


def _joined(hunks: Iterable[_Hunk]) -> list[_Hunk]:
    """Neighbours of one sort become one."""
    joined: list[_Hunk] = []
    for hunk in hunks:
        if joined and joined[-1].is_shown_equal == hunk.is_shown_equal:
            last = joined.pop()
            joined.append(_Hunk(last.old + hunk.old, last.new + hunk.new, hunk.is_shown_equal))
        else:
            joined.append(hunk)
    return joined


def _pieces(hunks: list[_Hunk]) -> Iterator[Piece]:
    for hunk in hunks:
        if hunk.is_shown_equal:
            yield "equal", hunk.new
            continue
        if hunk.old:
            yield "delete", hunk.old
        if hunk.new:
            yield "insert", hunk.new
