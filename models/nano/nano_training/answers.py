"""Bare answers, before any output style: what a task's result is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

AnswerKind = Literal["text", "number", "label", "list", "option"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A result that a style can still write in several ways.

    Attributes:
        kind: text (copied words), number (decimal digits), label (a class of ``vocabulary``), list (several words or
            numbers) or option (a letter and its text).
        parts: one part; of a list its items in the order of the input; of an option the letter and the text.
        vocabulary: the label set's name in ``labels.VOCABULARIES``; '' for other kinds.
        steps: worked-out steps that lead to the answer, '' where there are none.
    """

    kind: AnswerKind
    parts: tuple[str, ...]
    vocabulary: str = ""
    steps: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One input: its text, and the bare answer to each task of its kind."""

    kind: str
    text: str
    answers: Mapping[str, Answer]


def text(value: str, *, steps: str = "") -> Answer:
    """Words copied from the input."""
    return Answer("text", (value,), steps=steps)


def number(value: int, *, steps: str = "") -> Answer:
    """A number from 0 to 9,999."""
    return Answer("number", (str(value),), steps=steps)


def label(vocabulary: str, value: str, *, steps: str = "") -> Answer:
    """A class by its first name in ``vocabulary``."""
    return Answer("label", (value,), vocabulary, steps)


def listed(*values: str) -> Answer:
    """Several words or numbers in the order of the input."""
    return Answer("list", values)


def option(letter: str, value: str, *, steps: str = "") -> Answer:
    """The option ``(letter) value``."""
    return Answer("option", (letter, value), steps=steps)
