"""Expressions of True, False, not, and, or and parentheses."""

from __future__ import annotations

import random
from collections.abc import Sequence

from nano_training.answers import Item, label, number
from nano_training.entities import Entities
from nano_training.kinds.base import Kind, Task

LITERALS = ("True", "False")
USUAL_SIZE = 8


def draw(rng: random.Random, entities: Entities) -> Item:
    """An expression of eight words, now and then of three to seven."""
    size = USUAL_SIZE if rng.random() < 0.85 else rng.randint(3, USUAL_SIZE - 1)
    words = _expression(rng, size)
    first = next(word for word in words if word in LITERALS)
    reduced = reduction(words)
    answers = {
        "value": label("truth", reduced[-1], steps=" = ".join(reduced)),
        "count_not": number(words.count("not")),
        "first": label("truth", first),
    }
    return Item("boolean", f"{' '.join(words)} is", answers)


def reduction(words: Sequence[str]) -> list[str]:
    """The expression, and what is left after each step, down to its value. Each step replaces the leftmost part that
    can be worked out: a ``not`` before a literal, else parentheses around one, else ``and``, else ``or``.
    """
    current = list(words)
    lines = [" ".join(current)]
    while len(current) > 1:
        start, stop, value = _next_part(current)
        current[start:stop] = [value]
        lines.append(" ".join(current))
    return lines


def _next_part(words: Sequence[str]) -> tuple[int, int, str]:
    """Where the next part starts and stops, and its value."""
    for index in range(len(words) - 1):
        if words[index] == "not" and words[index + 1] in LITERALS:
            return index, index + 2, str(words[index + 1] == "False")
    for index in range(1, len(words) - 1):
        if words[index - 1] == "(" and words[index] in LITERALS and words[index + 1] == ")":
            return index - 1, index + 2, words[index]
    for operator in ("and", "or"):
        for index in range(1, len(words) - 1):
            if words[index] == operator and _is_ready(words, index):
                sides = [words[index - 1] == "True", words[index + 1] == "True"]
                return index - 1, index + 2, str(all(sides) if operator == "and" else any(sides))
    raise ValueError(f"not an expression: {' '.join(words)}")


def _is_ready(words: Sequence[str], index: int) -> bool:
    """Are both sides of the operator literals that no tighter operator claims?"""
    if words[index - 1] not in LITERALS or words[index + 1] not in LITERALS:
        return False
    return words[index] == "and" or "and" not in (*words[max(0, index - 2) : index - 1], *words[index + 2 : index + 3])


def _expression(rng: random.Random, size: int) -> list[str]:
    """``size`` words, parentheses counted."""
    if size == 1:
        return [rng.choice(LITERALS)]
    shapes = ["not"] + ["()"] * (size > 2) + ["op"] * (size > 2)
    weights = {"not": 0.5, "()": 0.7, "op": 1.9}
    shape = rng.choices(shapes, [weights[name] for name in shapes])[0]
    if shape == "not":
        return ["not", *_expression(rng, size - 1)]
    if shape == "()":
        return ["(", *_expression(rng, size - 2), ")"]
    left = rng.randint(1, size - 2)
    return [*_expression(rng, left), rng.choice(("and", "or")), *_expression(rng, size - 1 - left)]


KIND = Kind(
    name="boolean",
    draw=draw,
    labels=("Expression", "Input", "Question"),
    tasks={
        "value": Task(
            phrasings=(
                "{Find|Give|Report|State|Return|Name} the {value|truth value|result} of the {expression|formula}.",
                "{Compute|Evaluate|Work out|Calculate} the {expression|logical expression|formula|logic}.",
                "{Find|Decide|Report|State} whether the {expression|formula} is true{| or false}.",
                "What is the {value|truth value|result} of the {expression|formula}?",
            ),
            descriptions=(
                "Work out whether the logical expression is true or false.",
                "Return the value of the expression.",
                "Compute the expression with not first, then and, then or.",
            ),
        ),
        "count_not": Task(
            phrasings=(
                "{Count|Give the number of|Report the number of|Find the number of} {nots|negations|not words}"
                "{| in the expression| in the formula}.",
                "{Count|State|Report|Find} how often {not appears|the word not appears|not is written}.",
                "How {often|many times} does {not|the word not} {appear|occur}?",
            ),
            descriptions=(
                "Count how often the word not stands in the expression.",
                "Report the number of negations.",
                "Find how many times not is written.",
            ),
        ),
        "first": Task(
            phrasings=(
                "{Find|Give|Report|State|Return|Name} the first {constant|literal|truth value}{| in the expression}.",
                "{Find|Give|Report|Name} the {constant|literal|truth value} that {comes|stands} first.",
                "Which {constant|literal|truth value} {comes|stands|is written} first?",
            ),
            descriptions=(
                "Return the first constant that is written in the expression.",
                "Tell whether True or False comes first in the text.",
                "Name the literal that stands first, before anything is worked out.",
            ),
        ),
    },
)
