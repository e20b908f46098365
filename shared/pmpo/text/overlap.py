"""Overlap of a text with data: whether a rewrite copies what it was shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"\w+", re.UNICODE)


def words(text: str) -> list[str]:
    """Lower-case words of ``text``, punctuation left out."""
    return _WORD.findall(text.casefold())


def normalised(text: str) -> str:
    """``text`` for comparing prompts: case folded, white space runs made one blank."""
    return " ".join(text.casefold().split())


class CopyDetector:
    """Finds copies of data in a text.

    A copy is an n-gram of ``ngram`` words, or a whole source text of ``whole`` words or more, that stands in the data
    and in none of the ``allowed`` texts (the seed prompt, the task description).
    """

    def __init__(self, sources: Iterable[str], allowed: Iterable[str], *, ngram: int = 8, whole: int = 3) -> None:
        self._ngram = ngram
        listed = [tuple(words(text)) for text in allowed]
        self._grams = {gram for text in sources for gram in self._all_grams(tuple(words(text)))}
        self._wholes: set[tuple[str, ...]] = set()
        for text in sources:
            whole_words = tuple(words(text))
            if len(whole_words) >= whole and not any(_contains(known, whole_words) for known in listed):
                self._wholes.add(whole_words)
        for known in listed:
            self._grams -= set(self._all_grams(known))
        self._lengths = sorted({len(text) for text in self._wholes})

    def find_copy(self, text: str) -> str | None:
        """The first copied piece in ``text``, or None."""
        given = tuple(words(text))
        for gram in self._all_grams(given):
            if gram in self._grams:
                return " ".join(gram)
        for length in self._lengths:
            for start in range(len(given) - length + 1):
                if given[start : start + length] in self._wholes:
                    return " ".join(given[start : start + length])
        return None

    def _all_grams(self, text: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [text[start : start + self._ngram] for start in range(len(text) - self._ngram + 1)]


def _contains(text: tuple[str, ...], piece: tuple[str, ...]) -> bool:
    return any(text[start : start + len(piece)] == piece for start in range(len(text) - len(piece) + 1))
