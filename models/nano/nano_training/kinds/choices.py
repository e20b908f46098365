"""Multiple choice: which of three or four words belongs to a category."""

from __future__ import annotations

import random

from nano_training.answers import Item, number, option, text
from nano_training.entities import CATEGORIES, Entities, category_of
from nano_training.kinds.base import Kind, Task

QUESTIONS = (
    "Which of these is {a_category}?",
    "Which word is {a_category}?",
    "What is {a_category}?",
    "Which of the following is {a_category}?",
    "Which option is {a_category}?",
    "Can you find {a_category}?",
)
LETTERS = "ABCD"


def draw(rng: random.Random, entities: Entities) -> Item:
    """A question and options of different categories, one of them right."""
    options: dict[str, str] = {}
    num_options = rng.randint(3, 4)
    asked = rng.choice(tuple(CATEGORIES))
    options[asked] = rng.choice([word for word in entities.words if category_of(word) == asked])
    while len(options) < num_options:
        word = rng.choice(entities.words)
        options.setdefault(category_of(word), word)
    categories = rng.sample(list(options), num_options)
    words = [options[category] for category in categories]
    right = categories.index(asked)
    question = rng.choice(QUESTIONS).format(a_category=f"{'an' if asked[0] in 'aeiou' else 'a'} {asked}")
    lines = [f"({letter}) {word}" for letter, word in zip(LETTERS, words, strict=False)]
    answers = {
        "right": option(LETTERS[right], words[right]),
        "first": option(LETTERS[0], words[0]),
        "question_word": text(asked),
        "how_many": number(num_options),
    }
    return Item("choice", "\n".join([question, "Options:", *lines]), answers)


RIGHT = Task(
    phrasings=(
        "{Find|Give|Report|Return|Identify|Choose} the {right|correct} {option|answer|choice}.",
        "{Find|Give|Report|Return|Identify|Choose} the {option|choice} that {is right|is correct|fits}.",
        "{Which|What} {option|answer|choice} is {right|correct|the right one|the correct one}?",
        "{Tell me|Say|Decide} {which|what} {option|answer|choice} is {right|correct}.",
        "Answer the question{| with an option| with a choice| with the right option| with the right choice}.",
    ),
    descriptions=("Answer a multiple-choice question.", "Choose the right option.", "The correct choice."),
)
FIRST = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Choose} the first {option|choice}{| of all| in the list}.",
        "{Which|What} {option|choice} {comes first|is first|is the first}{| in the list}?",
        "{Tell me|Say} {which|what} {option|choice} {comes|is} first.",
        "{Which|What} is the first {option|choice}?",
    ),
    descriptions=("Return the first option of a question.", "Find the option that comes first.", "The first option."),
)
QUESTION_WORD = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {category|class|group} "
        "{in the question|of the question|that is asked for}.",
        "{Which|What} {category|class|group} {is in the question|is asked for|does the question ask for}?",
        "{Tell me|Say} {which|what} {category|class|group} {is in the question|is asked for|the question asks for}.",
    ),
    descriptions=(
        "Extract the category a question asks for.",
        "Find out which group is asked for.",
        "The category in a question.",
    ),
)
HOW_MANY = Task(
    phrasings=(
        "{Find|Give|Report|State|Return} the number of {options|choices}{| of the question| in the list}.",
        "How many {options|choices} {are there|are in the list|does the question have}?",
        "{Tell me|Say} how many {options|choices} {there are|are in the list|the question has}.",
        "Count {the|all|all the} {options|choices}{| of the question| in the list}.",
    ),
    descriptions=("Count the options of a question.", "Find out how many options there are.", "Number of options."),
)

KIND = Kind(
    name="choice",
    draw=draw,
    labels=("Question", "Text", "Input"),
    tasks={"right": RIGHT, "first": FIRST, "question_word": QUESTION_WORD, "how_many": HOW_MANY},
)
