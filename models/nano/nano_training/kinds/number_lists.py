"""Number lists: three to six different numbers below 100."""

from __future__ import annotations

import random

from nano_training.answers import Item, listed, number
from nano_training.entities import Entities
from nano_training.kinds.base import Kind, Task

SEPARATORS = (" ", ", ", "; ")


def draw(rng: random.Random, entities: Entities) -> Item:
    """Numbers between one of the separators; ``entities`` are not needed."""
    numbers = rng.sample(range(100), rng.randint(3, 6))
    answers = {
        "max": number(max(numbers)),
        "min": number(min(numbers)),
        "first": number(numbers[0]),
        "last": number(numbers[-1]),
        "count": number(len(numbers)),
        "all": listed(*map(str, numbers)),
    }
    return Item("numbers", rng.choice(SEPARATORS).join(map(str, numbers)), answers)


MAX = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Extract} the {largest|biggest|highest} {number|value}{| of the list}.",
        "{Which|What} {number|value} is the {largest|biggest|highest}{| of the list| in the list}?",
        "{Find|Give|Report|State|Return} the maximum{| of the list| of the numbers| of the values}.",
        "What is the {maximum|largest number|biggest number|highest number}?",
    ),
    descriptions=(
        "Find the largest of some numbers.",
        "Return the maximum of a list.",
        "Maximum of numbers.",
        "The biggest number of a list.",
    ),
)
MIN = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Extract} the {smallest|minimum|lowest} {number|value}{| of the list}.",
        "{Which|What} {number|value} is the {smallest|minimum|lowest}{| of the list| in the list}?",
        "{Find|Give|Report|State|Return} the minimum{| of the list| of the numbers| of the values}.",
        "What is the {minimum|smallest number|minimum value|lowest number}?",
    ),
    descriptions=(
        "Find the smallest of some numbers.",
        "Return the minimum of a list.",
        "Minimum of numbers.",
        "The lowest number of a list.",
    ),
)
FIRST = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the first {number|value|entry}"
        "{| of the list| in the list}.",
        "{Which|What} {number|value|entry} {comes first|is first|is the first}{| in the list}?",
        "{Tell me|Say} {which|what} {number|value|entry} {comes|is} first.",
        "{Which|What} is the first {number|value|entry}?",
    ),
    descriptions=(
        "Return the first of some numbers.",
        "Find the first number.",
        "First number of a list.",
        "The number that comes first.",
    ),
)
LAST = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name} the {last|final} {number|value|entry}{| of the list}.",
        "{Which|What} {number|value|entry} {comes last|is last|is the last}{| in the list}?",
        "{Tell me|Say} {which|what} {number|value|entry} {comes|is} last.",
        "{Which|What} is the {last|final} {number|value|entry}?",
    ),
    descriptions=(
        "Return the last of some numbers.",
        "Find the final number.",
        "Last number of a list.",
        "The number that comes last.",
    ),
)
COUNT = Task(
    phrasings=(
        "{Find|Give|Report|State|Return} the {count|number} of {values|entries}{| of the list| in the list}.",
        "How many {numbers|values|entries} {are there|are in the list|does the list have}?",
        "{Tell me|Say} how many {numbers|values|entries} {there are|are in the list|the list has}.",
        "Count {the|all|all the} {numbers|values|entries}{| of the list| in the list}.",
    ),
    descriptions=(
        "Count the numbers of a list.",
        "Find out how many numbers there are.",
        "Count of numbers.",
        "How many numbers a list has.",
    ),
)
ALL = Task(
    phrasings=(
        "{Give|Report|State|Return|Repeat|Copy} {all|all the} {numbers|values|entries}{| in the list}.",
        "{Which|What} {numbers|values|entries} {are there|are in the list|does the list have}?",
        "{Tell me|Say} {which|what} {numbers|values|entries} are {there|in the list}.",
        "{Give|Return|Repeat|Copy} the {whole|full} list{| of numbers| of values}.",
    ),
    descriptions=(
        "Return all numbers of a list.",
        "Repeat every number of a list.",
        "All numbers of a list.",
        "The whole list of numbers.",
    ),
)

KIND = Kind(
    name="numbers",
    draw=draw,
    labels=("Numbers", "List", "Input"),
    tasks={"max": MAX, "min": MIN, "first": FIRST, "last": LAST, "count": COUNT, "all": ALL},
)
