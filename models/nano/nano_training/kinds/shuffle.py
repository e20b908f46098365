"""Three people who swap what they have three times: who has what in the end?"""

from __future__ import annotations

import random
from dataclasses import dataclass

from nano_training.answers import Item, listed, option, text
from nano_training.entities import COLORS, Entities
from nano_training.kinds.base import Kind, Task
from nano_training.kinds.lies import draw_names

LETTERS = "ABC"
_USUAL_PEOPLE = ("Alice", "Bob", "Claire")
_ORDER = ("First", "Then", "Finally")


@dataclass(frozen=True, slots=True)
class _Scene:
    """Sentences around what the people have."""

    start: str
    has: str  # before what a person has at the start
    middle: str
    swap: str
    end: str
    has_at_the_end: str


SCENES = {
    "books": _Scene(
        "are friends and avid readers who occasionally trade books. At the start of the semester, they each buy one "
        "new book:",
        "gets",
        "As the semester proceeds, they start trading around the new books.",
        "swap books",
        "At the end of the semester,",
        "has",
    ),
    "dance": _Scene(
        "are dancers at a square dance. At the start of a song, they each have a partner:",
        "is dancing with",
        "Throughout the song, the dancers often trade partners.",
        "switch partners",
        "At the end of the dance,",
        "is dancing with",
    ),
    "soccer": _Scene(
        "are on the same team in a soccer match. At the start of the match, they are each assigned to a position:",
        "is playing",
        "As the game progresses, pairs of players occasionally swap positions.",
        "trade positions",
        "At the end of the match,",
        "is playing",
    ),
    "balls": _Scene(
        "are playing a game. At the start of the game, they are each holding a ball:",
        "has a",
        "As the game progresses, pairs of players trade balls.",
        "swap balls",
        "At the end of the game,",
        "has the",
    ),
    "gifts": _Scene(
        "are holding a white elephant gift exchange. At the start of the event, they are each holding a present of a "
        "different color:",
        "has a",
        "As the event progresses, pairs of people swap gifts.",
        "swap their gifts",
        "At the end of the event,",
        "has the",
    ),
}
_BOOKS = tuple(
    "Dracula;Emma;Middlemarch;Walden;Ulysses;Frankenstein;Lolita;Hamlet;Candide;Ivanhoe;Kim;Dune;Beloved;Persuasion;"
    "Moby Dick;Jane Eyre;Bleak House;Hard Times;Oliver Twist;Don Quixote;Animal Farm;Little Women;Treasure Island;"
    "The Odyssey;The Iliad;The Pearl;The Trial;The Hobbit;The Plague;The Stranger;The Great Gatsby;The Old Oak;"
    "The Secret Garden;The Silver Key;The Lost World;The Fellowship of the Ring;The Call of the Wild;Catch-22;Area-51;"
    "Lord of the Flies;Hound of the Baskervilles;Heart of Darkness;War and Peace;The Turn of the Screw;Fahrenheit 451;"
    "The House of the Seven Gables;Pride and Prejudice;The Wind in the Willows;The Man in the Iron Mask".split(";")
)
_POSITIONS = tuple(
    "goalkeeper;striker;fullback;benchwarmer;cheerleader;sweeper;captain;defender;coach;wingback;center back;"
    "left back;right back;left winger;right winger;left midfielder;right midfielder;center midfielder;"
    "center forward;left striker;right striker".split(";")
)


def draw(rng: random.Random, entities: Entities) -> Item:
    """One scene; mostly of Alice, Bob and Claire."""
    name = rng.choice(tuple(SCENES))
    everyone = draw_names(rng, entities, 9)
    people = list(_USUAL_PEOPLE) if rng.random() < 0.6 else everyone[:3]
    things = _things(rng, name, [other for other in everyone[3:] if other not in people])
    swaps = _swaps(rng)
    asked = rng.randrange(3)
    holds = list(LETTERS)
    steps = [_state(people, holds)]
    for one, other in swaps:
        holds[one], holds[other] = holds[other], holds[one]
        steps.append(f"{people[one]} {people[other]}: {_state(people, holds)}")
    letter = holds[asked]
    final = things[LETTERS.index(letter)]
    steps.append(f"{people[asked]} {letter}: {final}.")
    answers = {
        "final": option(letter, final, steps=" ".join(steps)),
        "asked": text(people[asked]),
        "people": listed(*people),
    }
    return Item("shuffle", _text(SCENES[name], people, things, swaps, people[asked]), answers)


def _text(scene: _Scene, people: list[str], things: list[str], swaps: list[tuple[int, int]], asked: str) -> str:
    first, second, third = (f"{person} {scene.has} {thing}" for person, thing in zip(people, things, strict=True))
    moves = " ".join(
        f"{order}, {people[one]} and {people[other]} {scene.swap}."
        for order, (one, other) in zip(_ORDER, swaps, strict=True)
    )
    options = "\n".join(f"({letter}) {thing}" for letter, thing in zip(LETTERS, things, strict=True))
    return (
        f"{people[0]}, {people[1]}, and {people[2]} {scene.start} {first}, {second}, and {third}.\n"
        f"{scene.middle} {moves} {scene.end} {asked} {scene.has_at_the_end}\nOptions:\n{options}"
    )


def _state(people: list[str], holds: list[str]) -> str:
    return ", ".join(f"{person} {letter}" for person, letter in zip(people, holds, strict=True)) + "."


def _swaps(rng: random.Random) -> list[tuple[int, int]]:
    """Three swaps, in any order of their two people; none is undone by the next."""
    swaps: list[tuple[int, int]] = []
    while len(swaps) < len(_ORDER):
        one, other = rng.sample(range(3), 2)
        if not swaps or {one, other} != set(swaps[-1]):
            swaps.append((one, other))
    return swaps


def _things(rng: random.Random, scene: str, strangers: list[str]) -> list[str]:
    if scene == "books":
        return rng.sample(_BOOKS, 3)
    if scene == "soccer":
        return rng.sample(_POSITIONS, 3)
    if scene == "dance":
        return rng.sample(strangers, 3)
    balls = 1.0 if scene == "balls" else 0.35
    return [f"{color} {'ball' if rng.random() < balls else 'present'}" for color in rng.sample(COLORS, 3)]


KIND = Kind(
    name="shuffle",
    draw=draw,
    labels=("Question", "Input", "Story"),
    tasks={
        "final": Task(
            phrasings=(
                "{Pick|Choose|Find|Give|Return} the {option|choice} that {completes|ends|finishes} the {text|story}.",
                "{Pick|Choose|Find|Give|Return} the right {option|choice} {after|following} all swaps.",
                "{Follow|Trace} the swaps and {pick|choose|give} the right {option|choice}.",
                "Which {option|choice} {completes|ends|finishes} the {text|story}?",
            ),
            descriptions=(
                "Follow the swaps and choose the option that completes the last sentence.",
                "Keep track of who has what and pick the right option.",
                "Find what the person in the last sentence ends up with.",
            ),
        ),
        "asked": Task(
            phrasings=(
                "{Find|Give|Report|State|Return|Name} the person in the {last|final|closing} sentence.",
                "{Find|Give|Report|State|Return|Name} {who|the person} the {last|final} sentence is about.",
                "{Who|Which person} is {the last sentence|the final sentence} about?",
            ),
            descriptions=(
                "Return the name of the person that the last sentence is about.",
                "Tell which person the unfinished sentence at the end names.",
                "Name the one whose final state is asked for.",
            ),
        ),
        "people": Task(
            phrasings=(
                "{List|Give|Report|Return|Name} {all|all the|the} three {people|persons|names}{| at the beginning}.",
                "{List|Give|Report|Return|Name} {the people|everyone} who {swaps|takes part}.",
                "Which three {people|persons} {are there|swap|take part}?",
            ),
            descriptions=(
                "List the three people who swap things, in order.",
                "Return the names of all three people.",
                "Name everyone who takes part.",
            ),
        ),
    },
)
