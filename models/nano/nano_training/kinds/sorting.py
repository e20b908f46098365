"""Lists of words to sort."""

from __future__ import annotations

import random

from nano_training.answers import Item, number, text
from nano_training.entities import Entities, made_up_word
from nano_training.kinds.base import Kind, Task

QUESTION = "Sort the following words alphabetically: List:"
MAX_WORDS_WITH_STEPS = 8
_MARKED_WORDS = tuple("can't won't you've we're they'd shouldn't it's o'brien d'arcy b&b q&a that's i'll".split())


def draw(rng: random.Random, entities: Entities) -> Item:
    """Two to twenty different words, in three lists of four at most eight."""
    size = rng.randint(2, 8) if rng.random() < 0.75 else rng.randint(9, 20)
    words = _words(rng, entities, size)
    ordered = sorted(words)
    answers = {
        "sorted": text(" ".join(ordered), steps=_steps(words, ordered)),
        "first": text(words[0]),
        "count": number(size),
    }
    return Item("sorting", f"{QUESTION} {' '.join(words)}", answers)


def _steps(words: list[str], ordered: list[str]) -> str:
    """The words with their first two letters, and then the same in order; '' for long lists."""
    if len(words) > MAX_WORDS_WITH_STEPS:
        return ""
    given = ", ".join(f"{word} {_key(word)}" for word in words)
    return f"{given}. " + ", ".join(f"{_key(word)} {word}" for word in ordered)


def _key(word: str) -> str:
    return " ".join(word[:2])


def _words(rng: random.Random, entities: Entities, size: int) -> list[str]:
    words: dict[str, None] = {}
    if rng.random() < 0.06:
        words[rng.choice(_MARKED_WORDS)] = None
    while len(words) < size:
        words[rng.choice(entities.words) if rng.random() < 0.5 else made_up_word(rng)] = None
    shuffled = list(words)
    rng.shuffle(shuffled)
    return shuffled


KIND = Kind(
    name="sorting",
    draw=draw,
    labels=("Input", "Words", "Question"),
    tasks={
        "sorted": Task(
            phrasings=(
                "{Sort|Order|Arrange} the {words|list|terms} {by the alphabet|from a to z|in alphabetical order}.",
                "{Put|Bring} the {words|list|terms} {in|into} {alphabetical|dictionary} order.",
                "{Give|Return|Write} the {words|list|terms} in {alphabetical|dictionary} order.",
            ),
            descriptions=(
                "Put the words in the order of a dictionary.",
                "Order the words from a to z.",
                "Return all words of the list in alphabetical order.",
            ),
        ),
        "first": Task(
            phrasings=(
                "{Find|Give|Report|State|Return|Name} the first word of the list{| as given| before sorting}.",
                "{Find|Give|Report|Name} the word that {stands|comes} first {in the list|before sorting}.",
                "Which word {stands|comes} first {in the list|in the given list|before sorting}?",
            ),
            descriptions=(
                "Return the word that the given list starts with, without sorting.",
                "Tell which word comes first in the list as it stands.",
                "Name the opening word of the unsorted list.",
            ),
        ),
        "count": Task(
            phrasings=(
                "{Count|Give the number of|Report the number of|Find the number of} "
                "{words|terms|words to sort}{| in the list}.",
                "{Count|State|Report|Find} how many {words|terms} {are listed|the list has|there are}.",
                "How many {words|terms} {are listed|does the list have|are there}?",
            ),
            descriptions=(
                "Count the words of the list.",
                "Report how many words are to be sorted.",
                "Tell how long the list is.",
            ),
        ),
    },
)
