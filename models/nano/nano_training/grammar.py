"""Sentences from small patterns: ``{Find|Give} the {city|town}{| in the text}.`` stands for eight sentences."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from itertools import product

HELD_OUT_ONE_IN = 5
_CHOICE = re.compile(r"\{([^{}]*)\}")


def expand(pattern: str) -> tuple[str, ...]:
    """All sentences of a pattern, in order."""
    pieces = _CHOICE.split(pattern)
    choices = [piece.split("|") if index % 2 else [piece] for index, piece in enumerate(pieces)]
    return tuple("".join(parts) for parts in product(*choices))


def split(patterns: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sentences of all patterns: those that training uses, and the fifth that it never sees.

    A sentence's side depends on its SHA-256 alone; each side gets at least one.
    """
    sentences = list(dict.fromkeys(sentence for pattern in patterns for sentence in expand(pattern)))
    held = tuple(sentence for sentence in sentences if is_held_out(sentence)) or (max(sentences, key=_digest),)
    seen = tuple(sentence for sentence in sentences if sentence not in held)
    if not seen:
        raise ValueError(f"every sentence would be held out: add more patterns beside {sentences[0]!r}")
    return seen, held


def is_held_out(sentence: str) -> bool:
    """Is this one of the sentences in five that training never uses?"""
    return _digest(sentence) % HELD_OUT_ONE_IN == 0


def _digest(sentence: str) -> int:
    return int(hashlib.sha256(f"phrasing:{sentence}".encode()).hexdigest()[:8], 16)
