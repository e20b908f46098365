"""Word lists: three to six different words."""

from __future__ import annotations

import random

from nano_training.answers import Item, listed, number, text
from nano_training.entities import Entities
from nano_training.kinds.base import Kind, Task

# What stands before the first word, and between two words; commas are the most frequent.
LAYOUTS = (("", ", "), ("", ", "), ("", ", "), ("", " "), ("", "; "), ("- ", "\n- "))


def draw(rng: random.Random, entities: Entities) -> Item:
    """Words in one of the layouts."""
    words = rng.sample(entities.words, rng.randint(3, 6))
    start, separator = rng.choice(LAYOUTS)
    answers = {
        "first": text(words[0]),
        "second": text(words[1]),
        "last": text(words[-1]),
        "count": number(len(words)),
        "all": listed(*words),
        "without_first": listed(*words[1:]),
    }
    return Item("words", start + separator.join(words), answers)


FIRST = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the first {word|item|entry}{| of the list}.",
        "{Which|What} {word|item|entry} {comes first|is first|is the first}{| in the list}?",
        "{Tell me|Say} {which|what} {word|item|entry} {comes|is} first.",
        "{Which|What} is the first {word|item|entry}?",
    ),
    descriptions=(
        "Return the first word of a list.",
        "Find the first item.",
        "First word of a word list.",
        "The word that comes first.",
    ),
)
SECOND = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the second {word|item|entry}{| of the list}.",
        "{Which|What} {word|item|entry} {comes second|is second|is the second}{| in the list}?",
        "{Tell me|Say} {which|what} {word|item|entry} {comes|is} second.",
        "{Which|What} is the second {word|item|entry}?",
    ),
    descriptions=(
        "Return the second word of a list.",
        "Find the second item.",
        "Second word of a word list.",
        "The word that comes second.",
    ),
)
LAST = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name} the {last|final} {word|item|entry}{| of the list}.",
        "{Which|What} {word|item|entry} {comes last|is last|is the last}{| in the list}?",
        "{Tell me|Say} {which|what} {word|item|entry} {comes|is} last.",
        "{Which|What} is the {last|final} {word|item|entry}?",
    ),
    descriptions=(
        "Return the last word of a list.",
        "Find the last item.",
        "Last word of a word list.",
        "The word that comes last.",
    ),
)
COUNT = Task(
    phrasings=(
        "{Find|Give|Report|State|Return} the number of {words|items|entries}{| of the list| in the list}.",
        "How many {words|items|entries} {are there|are in the list|does the list have}?",
        "{Tell me|Say} how many {words|items|entries} {there are|are in the list|the list has}.",
        "Count {the|all|all the} {words|items|entries}{| of the list| in the list}.",
    ),
    descriptions=(
        "Count the words of a list.",
        "Find out how many items a list has.",
        "Number of words in a list.",
        "How many words a list has.",
    ),
)
ALL = Task(
    phrasings=(
        "{Give|Report|State|Return|Repeat|Copy} {all|all the} {words|items|entries}{| in the list}.",
        "{Which|What} {words|items|entries} {are there|are in the list|does the list have}?",
        "{Tell me|Say} {which|what} {words|items|entries} are {there|in the list}.",
        "{Give|Return|Repeat|Copy} the {whole|full} list{| of words| of items}.",
    ),
    descriptions=(
        "Return all words of a list.",
        "Repeat every item of a list.",
        "All words of a word list.",
        "The whole list of words.",
    ),
)
WITHOUT_FIRST = Task(
    phrasings=(
        "{Remove|Drop|Skip|Leave out} the first {word|item|entry}{| of the list| in the list}.",
        "{Give|Report|Return} {all|all the} {words|items|entries} {except|without|after} the first.",
        "{Give|Report|Return} the list {except|without|after} the first {word|item|entry}.",
        "{Which|What} {words|items|entries} {come after|follow} the first{| one}?",
    ),
    descriptions=(
        "Remove the first word of a list.",
        "Return all words except the first.",
        "A word list without its first item.",
        "The words after the first one.",
    ),
)

KIND = Kind(
    name="words",
    draw=draw,
    labels=("Words", "List", "Input"),
    tasks={"first": FIRST, "second": SECOND, "last": LAST, "count": COUNT, "all": ALL, "without_first": WITHOUT_FIRST},
)
