"""Lists of things that one has: how many of them are fruits, animals and so on?"""

from __future__ import annotations

import random
from dataclasses import dataclass

from nano_training.answers import Item, number, text
from nano_training.entities import Entities
from nano_training.kinds.base import Kind, Task

NUMBER_WORDS = ("two", "three", "four", "five")
_PLURALS = {
    "fish": "fish",
    "mouse": "mice",
    "sheep": "sheep",
    "goose": "geese",
    "head of broccoli": "heads of broccoli",
    "stalk of celery": "stalks of celery",
    "bunch of spinach": "bunches of spinach",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "mango": "mangoes",
    "wolf": "wolves",
    "shelf": "shelves",
}
GROUPS: dict[str, tuple[str, ...]] = {
    "fruits": tuple(
        "apple banana blackberry grape nectarine orange peach plum raspberry strawberry "
        "mango pear lemon melon kiwi fig cherry papaya blueberry lime".split()
    ),
    "vegetables": (
        *"yam onion cauliflower potato cabbage carrot garlic tomato radish cucumber leek turnip pumpkin".split(),
        "lettuce head",
        "head of broccoli",
        "stalk of celery",
        "bunch of spinach",
    ),
    "musical instruments": tuple(
        "trumpet accordion drum piano trombone flute clarinet violin guitar harp cello tuba banjo oboe".split()
    ),
    "animals": tuple(
        "fish mouse pig duck snail donkey frog chicken goat rabbit cow snake bear cat dog "
        "horse sheep wolf fox lion tiger goose".split()
    ),
    "objects": tuple(
        "toaster bed fridge table chair car lamp microwave oven stove couch desk sofa clock mirror shelf".split()
    ),
}
# How many things are listed: (number, weight).
_SIZES = ((2, 23), (3, 27), (4, 24), (5, 28), (6, 25), (7, 28), (8, 32), (9, 26), (10, 30), (11, 2), (12, 5))


@dataclass(frozen=True, slots=True)
class _Thing:
    words: str  # with their article or number word
    name: str
    count: int
    is_counted: bool


def draw(rng: random.Random, entities: Entities) -> Item:
    """A list of 2 to 12 things; half of the lists hold one or two that do not count."""
    group = rng.choice(tuple(GROUPS))
    size = rng.choices([size for size, _ in _SIZES], [weight for _, weight in _SIZES])[0]
    names = _names(rng, group, size)
    things = [_thing(rng, name, is_counted=group == "objects" or name in GROUPS[group]) for name in names]
    listed = ", ".join(thing.words for thing in things[:-1]) + f", and {things[-1].words}"
    steps, total = [], 0
    for thing in things:
        total += thing.count if thing.is_counted else 0
        steps.append(f"{thing.words} {total}" if thing.is_counted else f"{thing.words} skip {total}")
    answers = {
        "total": number(total, steps=", ".join(steps)),
        "first": text(things[0].name),
        "kinds": number(len(things)),
    }
    return Item("counting", f"I have {listed}. How many {group} do I have?", answers)


def _names(rng: random.Random, group: str, size: int) -> list[str]:
    """At least one of the group; strangers only where the question is not for all objects, and rarely there."""
    strangers = [name for other, names in GROUPS.items() if other != group for name in names]
    rate = 0.15 if group == "objects" else 0.5
    num_strangers = min(size - 1, rng.choice((1, 1, 2, 2, 3))) if rng.random() < rate else 0
    names = rng.sample(GROUPS[group], size - num_strangers) + rng.sample(strangers, num_strangers)
    rng.shuffle(names)
    return names


def _thing(rng: random.Random, name: str, *, is_counted: bool) -> _Thing:
    count = rng.choices(range(1, 6), (75, 11, 8, 5, 1))[0]
    if count == 1:
        article = "an" if name[0] in "aeiou" else "a"
        return _Thing(f"{article} {name}", name, 1, is_counted)
    return _Thing(f"{NUMBER_WORDS[count - 2]} {plural(name)}", plural(name), count, is_counted)


def plural(name: str) -> str:
    """The plural of a thing of GROUPS."""
    if name in _PLURALS:
        return _PLURALS[name]
    if name.endswith("y"):
        return name[:-1] + "ies"
    return name + ("es" if name.endswith(("ch", "sh", "x", "s")) else "s")


KIND = Kind(
    name="counting",
    draw=draw,
    labels=("Question", "Input", "Text"),
    tasks={
        "total": Task(
            phrasings=(
                "{Find|Give|Report|State} {how many|the number of} things the {question|last sentence} asks for.",
                "{Add up|Count|Sum up} {the things|the items|what} the {question|last sentence} asks for.",
                "{Add up|Count|Sum up} {the things|the items|all} that {match|fit} the question.",
                "How many {things|items} {match|fit} the question?",
            ),
            descriptions=(
                "Add up the numbers of the things that the question asks for.",
                "Count how many of the named things belong to the group in the question.",
                "Answer the question with the total number, leaving out things of other groups.",
            ),
        ),
        "first": Task(
            phrasings=(
                "{Find|Give|Report|State|Return|Name} the first {thing|item|object}{| in the list| of the list}.",
                "{Find|Give|Report|Name} the {thing|item|object} {named|listed|that comes} first.",
                "Which {thing|item|object} {is named|is listed|comes} first?",
            ),
            descriptions=(
                "Return the thing that the list names first, without its number.",
                "Tell which item comes first.",
                "Take the first object of the list.",
            ),
        ),
        "kinds": Task(
            phrasings=(
                "{Count|Give the number of|Report the number of|Find the number of} "
                "{different things|different items|entries}{| in the list| of the list}.",
                "{Count|State|Report|Find} how many {different things|different items|entries} are {listed|named}.",
                "How many {different things|different items|entries} {are listed|are named|does the list have}?",
            ),
            descriptions=(
                "Count the entries of the list, each once, whatever its number.",
                "Tell how many different things are named.",
                "Report how many entries the list has.",
            ),
        ),
    },
)
