"""Single words of the categories, and plain ones."""

from __future__ import annotations

import random

from nano_training.answers import Item, label, listed, number, text
from nano_training.entities import Entities, category_of
from nano_training.kinds.base import Kind, Task


def draw(rng: random.Random, entities: Entities) -> Item:
    """One lower-case word."""
    word = rng.choice(entities.words)
    answers = {
        "category": label("category", category_of(word)),
        "letters": number(len(word)),
        "first_letter": text(word[0]),
        "last_letter": text(word[-1]),
        "spelled": listed(*word),
        "copy": text(word),
    }
    return Item("word", word, answers)


CATEGORY = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify} the {category|class|group}{| of the word| of the input}.",
        "{Which|What} {category|class|group} does the {word|input} belong to?",
        "{Tell me|Say|Decide} {which|what} {category|class|group} the {word|input} belongs to.",
        "{Which|What} is the {category|class|group}{| of the word}?",
        "Classify the {word|input}{| by category| by class| by group}.",
    ),
    descriptions=("Classify a word.", "Find the category of a word.", "Category of a word.", "The group of a word."),
)
LETTERS = Task(
    phrasings=(
        "{Find|Give|Report|State|Return} the {number|count} of letters{| of the word| in the word}.",
        "How many letters {are there|are in the word|does the word have}{| in total}?",
        "{Tell me|Say} how many letters {there are|are in the word|the word has}{| in total}.",
        "Count {the|all|all the} letters{| of the word| in the word}.",
    ),
    descriptions=(
        "Count the letters of a word.",
        "Find out how many letters a word has.",
        "Number of letters in a word.",
    ),
)
FIRST_LETTER = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the first letter{| of the word| in the word}.",
        "{Which|What} letter {comes first|is first|is the first}{| in the word}?",
        "{Tell me|Say} {which|what} letter {comes|is} first{| in the word}.",
        "{Which|What} is the first letter{| of the word}?",
        "{Which|What} letter does the {word|input} {start|begin} with?",
    ),
    descriptions=(
        "Return the first letter of a word.",
        "Find the letter a word starts with.",
        "First letter of a word.",
    ),
)
LAST_LETTER = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {last|final} letter{| of the word| in the word}.",
        "{Which|What} letter {comes last|is last|is the last}{| in the word}?",
        "{Tell me|Say} {which|what} letter {comes|is} last{| in the word}.",
        "{Which|What} is the {last|final} letter{| of the word}?",
        "{Which|What} letter does the {word|input} end with?",
    ),
    descriptions=(
        "Return the last letter of a word.",
        "Find the letter a word ends with.",
        "Last letter of a word.",
    ),
)
SPELLED = Task(
    phrasings=(
        "{Give|Report|State|Return|Name|Extract} {all|all the|every one of the} letters{| of the word| in the word}.",
        "{Which|What} letters {are there|are in the word|does the word have}?",
        "{Tell me|Say} {which|what} letters {there are|are in the word|the word has}.",
        "Spell {|out }the {word|input}.",
    ),
    descriptions=("Spell a word.", "Return all letters of a word.", "The letters of a word."),
)
COPY = Task(
    phrasings=(
        "{Repeat|Copy|Give|Return|State|Report} the {|whole |full |same }{word|input}.",
        "{Tell me|Say} {the word|the input|the same word|what the word is|which word this is}.",
        "{Which|What} word is {this|it|there|in the input}?",
        "{Repeat|Copy} the {word|input} {once|one time}.",
    ),
    descriptions=("Repeat a word.", "Copy the input word.", "Return the word itself."),
)

KIND = Kind(
    name="word",
    draw=draw,
    labels=("Word", "Text", "Input"),
    tasks={
        "category": CATEGORY,
        "letters": LETTERS,
        "first_letter": FIRST_LETTER,
        "last_letter": LAST_LETTER,
        "spelled": SPELLED,
        "copy": COPY,
    },
)
