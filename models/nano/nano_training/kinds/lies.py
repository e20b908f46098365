"""Chains of people of whom each says that the one before tells the truth or lies."""

from __future__ import annotations

import random

from nano_training.answers import Item, label, listed, text
from nano_training.entities import Entities, made_up_name
from nano_training.kinds.base import Kind, Task

SAID = {True: "tells the truth", False: "lies"}
SHORT = {True: "truth", False: "lies"}


def draw(rng: random.Random, entities: Entities) -> Item:
    """Mostly five people, of whom the last is asked about; one time in ten another."""
    size = rng.choices((3, 4, 5, 6), (1, 1, 10, 1))[0]
    names = draw_names(rng, entities, size)
    said = [rng.random() < 0.5 for _ in names]
    asked = rng.randrange(size) if rng.random() < 0.1 else size - 1
    sentences, steps, truthful = [f"{names[0]} {SAID[said[0]]}."], [f"{names[0]} {SHORT[said[0]]}."], [said[0]]
    for index in range(1, size):
        truthful.append(said[index] == truthful[-1])
        sentences.append(f"{names[index]} says {names[index - 1]} {SAID[said[index]]}.")
        steps.append(f"{names[index]} says {SHORT[said[index]]}: {SHORT[truthful[-1]]}.")
    answer = "Yes" if truthful[asked] else "No"
    answers = {
        "truth": label("yes_no", answer, steps=" ".join(steps[: asked + 1])),
        "first": text(names[0]),
        "asked": text(names[asked]),
        "speakers": listed(*names),
    }
    return Item("lies", f"Question: {' '.join(sentences)} Does {names[asked]} tell the truth?", answers)


def draw_names(rng: random.Random, entities: Entities, size: int) -> list[str]:
    """Different names, about half of them made up."""
    names: dict[str, None] = {}
    while len(names) < size:
        names[rng.choice(entities.names) if rng.random() < 0.5 else made_up_name(rng)] = None
    return list(names)


KIND = Kind(
    name="lies",
    draw=draw,
    labels=("Input", "Statements", "Text"),
    tasks={
        "truth": Task(
            phrasings=(
                "{Decide|State|Report|Tell} {if|whether} the person in the question {tells the truth|is honest}.",
                "{Decide|State|Report|Tell|Work out} {if|whether} the one asked about {tells the truth|is honest}.",
                "Does the {person|one} {in the question|asked about} {tell the truth|speak the truth}?",
                "Is the {person|one} {in the question|asked about} {honest|truthful}?",
            ),
            descriptions=(
                "Decide whether the person in the question tells the truth.",
                "Follow who calls whom a liar and answer the question at the end.",
                "Work out if the one asked about is honest.",
            ),
        ),
        "first": Task(
            phrasings=(
                "{Find|Give|Report|State|Return|Name} the first {person|name}{| in the text| that is mentioned}.",
                "{Find|Give|Report|Name} the {person|name} that {comes|stands} first.",
                "{Who|Which person|Which name} {comes|is mentioned} first?",
            ),
            descriptions=(
                "Return the first name in the text.",
                "Tell who is mentioned first.",
                "Name the person that the first statement is about.",
            ),
        ),
        "asked": Task(
            phrasings=(
                "{Find|Give|Report|State|Return|Name} {the person|the name|who is} in the question.",
                "{Find|Give|Report|State|Return|Name} the {person|one} {the question asks about|asked about}.",
                "{Who|Which person} {is the question about|does the question ask about|is asked about}?",
            ),
            descriptions=(
                "Return the name of the person that the question is about.",
                "Tell whom the question at the end asks about.",
                "Name the one in the question, without judging them.",
            ),
        ),
        "speakers": Task(
            phrasings=(
                "{List|Give|Report|Return|Name} {all|all the} {people|persons|names}{| in order| in the text}.",
                "Collect {all|all the} {people|persons|names}{| in order| in the text}.",
                "Which {people|persons|names} {are mentioned|appear in the text}?",
            ),
            descriptions=(
                "List everyone who is mentioned, in order and each once.",
                "Return the names of all people.",
                "Collect all names in the order in which they appear.",
            ),
        ),
    },
)
