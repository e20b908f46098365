"""Styles: the independent ways in which one and the same answer can be written, each asked for by its own sentence.

A style has up to seven dimensions; which of them apply depends on the kind of answer. Every dimension has a default
that a prompt need not mention.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nano_training.answers import Answer, AnswerKind
from nano_training.labels import VOCABULARIES
from nano_training.number_words import number_in_words

DEFAULT = "default"
HELD_OUT_COMBINATION_ONE_IN = 8

CASES = (DEFAULT, "lower", "upper", "capital")
NUMBER_FORMS = (DEFAULT, "words", "padded", "decimal")
ORDERS = (DEFAULT, "reversed", "sorted")
SEPARATORS: Mapping[str, str] = {
    DEFAULT: ", ",
    "semicolon": "; ",
    "bar": " | ",
    "and": " and ",
    "slash": "/",
    "plus": " + ",
    "lines": "\n",
}
OPTION_FORMS = (DEFAULT, "bare", "numbered", "text")
WRAPS = (DEFAULT, "brackets", "parentheses", "quotes", "bold", "json", "tag")
PREFIXES: Mapping[str, str] = {
    DEFAULT: "",
    "answer": "Answer: ",
    "result": "Result: ",
    "sentence": "The answer is ",
    "arrow": "=> ",
    "polite": "With pleasure: ",
}
SUFFIXES: Mapping[str, str] = {
    DEFAULT: "",
    "period": ".",
    "exclamation": "!",
    "end": " END",
    "thanks": " Thank you.",
}
STEPS = (DEFAULT, "steps")
_OPTION_NUMBERS = "ABCDEFGH"


@dataclass(frozen=True, slots=True)
class Style:
    """One value for each dimension; ``labels`` is the place of a vocabulary in its list, as text."""

    case: str = DEFAULT
    number: str = DEFAULT
    labels: str = DEFAULT
    order: str = DEFAULT
    separator: str = DEFAULT
    option: str = DEFAULT
    wrap: str = DEFAULT
    prefix: str = DEFAULT
    suffix: str = DEFAULT
    steps: str = DEFAULT

    def requirements(self) -> tuple[tuple[str, str], ...]:
        """The (dimension, value) pairs that a prompt must state: all that are not the default."""
        return tuple((name, getattr(self, name)) for name in DIMENSIONS if getattr(self, name) != DEFAULT)

    def with_value(self, dimension: str, value: str) -> Style:
        """The same style but for one dimension."""
        changes: dict[str, Any] = {dimension: value}
        return replace(self, **changes)


DIMENSIONS = ("steps", "order", "separator", "case", "number", "labels", "option", "wrap", "prefix", "suffix")
_SHARES = {"suffix": 0.4, "separator": 0.6, "steps": 0.6}
_CONTENT_DIMENSIONS: Mapping[AnswerKind, tuple[str, ...]] = {
    "text": ("case",),
    "number": ("number",),
    "label": ("labels", "case"),
    "list": ("order", "separator", "case"),
    "option": ("option",),
}


def dimensions_of(answer: Answer) -> tuple[str, ...]:
    """The dimensions in which answers like this one can differ."""
    content = _CONTENT_DIMENSIONS[answer.kind]
    if answer.kind == "list" and not any(part.isalpha() for part in answer.parts):
        content = ("order", "separator")
    steps = ("steps",) if answer.steps else ()
    return (*steps, *content, "wrap", "prefix", "suffix")


def values_of(answer: Answer, dimension: str) -> tuple[str, ...]:
    """The values that a dimension can take for answers like this one, the default first."""
    if dimension == "labels":
        others = range(1, len(VOCABULARIES[answer.vocabulary]))
        return (DEFAULT, *(f"{answer.vocabulary}:{place}" for place in others))
    return {
        "case": CASES,
        "number": NUMBER_FORMS,
        "order": ORDERS,
        "separator": tuple(SEPARATORS),
        "option": OPTION_FORMS,
        "wrap": WRAPS,
        "prefix": tuple(PREFIXES),
        "suffix": tuple(SUFFIXES),
        "steps": STEPS,
    }[dimension]


def draw_style(
    rng: random.Random, answer: Answer, *, min_requirements: int = 0, held_out: bool | None = False
) -> Style:
    """A random style for answers like this one, each of whose requirements changes how ``answer`` is written.

    ``held_out`` says on which side the combination of format values must lie; None takes any.
    """
    while True:
        style = Style()
        for dimension in dimensions_of(answer):
            if rng.random() < _SHARES.get(dimension, 0.5):
                changed = style.with_value(dimension, rng.choice(values_of(answer, dimension)[1:]))
                style = changed if write(answer, changed) != write(answer, style) else style
        enough = len(style.requirements()) >= min_requirements
        if enough and (held_out is None or is_held_out_combination(style) == held_out):
            return style


def is_held_out_combination(style: Style) -> bool:
    """Is this combination of wrap, prefix and suffix (two of them or three) one that training never shows?"""
    values = (style.wrap, style.prefix, style.suffix)
    if values.count(DEFAULT) > 1:
        return False
    digest = hashlib.sha256(f"combination:{values}".encode()).hexdigest()
    return int(digest[:8], 16) % HELD_OUT_COMBINATION_ONE_IN == 0


def write(answer: Answer, style: Style) -> str:
    """The answer in a style: worked-out steps on lines before it, where the style wants them."""
    body = _wrapped(_content(answer, style), style.wrap)
    line = f"{PREFIXES[style.prefix]}{body}{SUFFIXES[style.suffix]}"
    return f"{answer.steps}\n{line}" if style.steps == "steps" and answer.steps else line


def _content(answer: Answer, style: Style) -> str:
    if answer.kind == "number":
        return _number(int(answer.parts[0]), style.number)
    if answer.kind == "option":
        return _option(answer.parts[0], answer.parts[1], style.option)
    if answer.kind == "list":
        return SEPARATORS[style.separator].join(_cased(part, style.case) for part in _ordered(answer.parts, style))
    value = answer.parts[0]
    if answer.kind == "label" and style.labels != DEFAULT:
        first, other = (VOCABULARIES[answer.vocabulary][place] for place in (0, int(style.labels.split(":")[1])))
        value = other[first.index(value)]
    return _cased(value, style.case)


def _ordered(parts: tuple[str, ...], style: Style) -> tuple[str, ...]:
    if style.order == "reversed":
        return parts[::-1]
    if style.order == "sorted":
        return tuple(sorted(parts, key=lambda part: (int(part) if part.isdigit() else 0, part.lower())))
    return parts


def _cased(value: str, case: str) -> str:
    return {DEFAULT: value, "lower": value.lower(), "upper": value.upper(), "capital": value[:1].upper() + value[1:]}[
        case
    ]


def _number(value: int, form: str) -> str:
    return {
        DEFAULT: str(value),
        "words": number_in_words(value),
        "padded": f"{value:03d}",
        "decimal": f"{value}.0",
    }[form]


def _option(letter: str, value: str, form: str) -> str:
    place = str(_OPTION_NUMBERS.index(letter) + 1)
    return {DEFAULT: f"({letter})", "bare": letter, "numbered": place, "text": value}[form]


def _wrapped(body: str, wrap: str) -> str:
    return {
        DEFAULT: body,
        "brackets": f"[{body}]",
        "parentheses": f"({body})",
        "quotes": f'"{body}"',
        "bold": f"**{body}**",
        "json": json.dumps({"answer": body}, ensure_ascii=False),
        "tag": f"<answer>{body}</answer>",
    }[wrap]
