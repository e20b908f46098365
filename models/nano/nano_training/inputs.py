"""The kinds of input: each draw gives a text and the answer to every task of that kind."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nano_training.entities import BLAME, CATEGORIES, CITIES, NAMES, PRAISE, PRODUCTS, REVIEW_FORMS, WORDS

HELD_OUT_ONE_IN = 20
PUBLIC_MAX_STEPS = 10
MAX_STEPS = 20
REPEAT = "repeat"
_QUESTION = "If you follow these instructions, do you return to the starting point?"
_OPPOSITE = {"forward": "backward", "backward": "forward", "left": "right", "right": "left"}


@dataclass(frozen=True, slots=True)
class Item:
    """One input: its text, and the bare answer (before any output format) of each task."""

    kind: str
    text: str
    answers: Mapping[str, str]


def is_held_out(text: str) -> bool:
    """Is this input one of the one in twenty that training never sees? Decided by the text's SHA-256 alone."""
    return int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:8], 16) % HELD_OUT_ONE_IN == 0


def draw_item(rng: random.Random, kind: str, *, held_out: bool) -> Item:
    """An input of ``kind`` from the training side or the held-out side. Single words are too few to be divided."""
    while True:
        item = KINDS[kind](rng)
        if kind == "word" or is_held_out(item.text) == held_out:
            return item


def is_list_input(text: str) -> bool:
    """Could ``words`` or ``numbers`` have made this text?"""
    listed, counted = text.split(", "), text.split(" ")
    return any(
        3 <= len(things) <= 6 and len(set(things)) == len(things) and set(things) <= allowed
        for things, allowed in ((listed, set(WORDS)), (counted, set(map(str, range(100)))))
    )


def review(rng: random.Random) -> Item:
    """A one- or two-sentence review with a person, a city, a product and an opinion."""
    is_positive = rng.random() < 0.5
    first, second = rng.sample(PRAISE if is_positive else BLAME, 2)
    city, name, product = rng.choice(CITIES), rng.choice(NAMES), rng.choice(PRODUCTS)
    a_first = f"{'an' if first[0] in 'aeiou' else 'a'} {first}"
    text = rng.choice(REVIEW_FORMS).format(
        name=name,
        city=city,
        product=product,
        first=first,
        second=second,
        a_first=a_first,
        a_first_upper=a_first.capitalize(),
    )
    sentiment = "positive" if is_positive else "negative"
    return Item(
        "review", text, {"city": city, "person": name, "product": product, "sentiment": sentiment, REPEAT: text}
    )


def words(rng: random.Random) -> Item:
    """Three to six different words, separated by commas."""
    drawn = rng.sample(WORDS, rng.randint(3, 6))
    text = ", ".join(drawn)
    return Item("words", text, {"first": drawn[0], "last": drawn[-1], "count": str(len(drawn)), REPEAT: text})


def numbers(rng: random.Random) -> Item:
    """Three to six different numbers below 100, separated by spaces."""
    drawn = rng.sample(range(100), rng.randint(3, 6))
    text = " ".join(map(str, drawn))
    return Item("numbers", text, {"max": str(max(drawn)), "last": str(drawn[-1]), REPEAT: text})


def walk(rng: random.Random) -> Item:
    """Two to four steps in the form of the public 'navigate' task; about half of the walks end where they began.

    The public inputs never take more than ten steps at once, and a walk made here does at least once: so no public
    input can come up, neither in training nor in what is measured.
    """
    draw = _closed_walk if rng.random() < 0.5 else _any_walk
    steps = draw(rng)
    while max(count for _, count in steps) <= PUBLIC_MAX_STEPS:
        steps = draw(rng)
    position = {direction: sum(count for way, count in steps if way == direction) for direction in _OPPOSITE}
    is_back = all(position[way] == position[other] for way, other in _OPPOSITE.items())
    moves = " ".join(f"Take {count} step{'s' if count > 1 else ''} {way}." for way, count in steps)
    text = f"{_QUESTION} Always face forward. {moves}\nOptions:\n- Yes\n- No"
    return Item("walk", text, {"return": "Yes" if is_back else "No", "direction": steps[0][0], REPEAT: moves})


def word(rng: random.Random) -> Item:
    """A single lower-case word."""
    drawn = rng.choice(WORDS)
    category = next((name for name, members in CATEGORIES.items() if drawn in members), "other")
    return Item("word", drawn, {"upper": drawn.upper(), "category": category, REPEAT: drawn})


KINDS: dict[str, Callable[[random.Random], Item]] = {
    "review": review,
    "words": words,
    "numbers": numbers,
    "walk": walk,
    "word": word,
}


def _any_walk(rng: random.Random) -> list[tuple[str, int]]:
    return [(rng.choice(tuple(_OPPOSITE)), rng.randint(1, MAX_STEPS)) for _ in range(rng.randint(2, 4))]


def _closed_walk(rng: random.Random) -> list[tuple[str, int]]:
    """One way and back, two ways and back, or one way in two parts and back."""
    way, count = rng.choice(tuple(_OPPOSITE)), rng.randint(2, MAX_STEPS)
    form = rng.choice(("pair", "pair", "two pairs", "split"))
    if form == "split":
        part = rng.randint(1, count - 1)
        steps = [(way, part), (way, count - part), (_OPPOSITE[way], count)]
    else:
        steps = [(way, count), (_OPPOSITE[way], count)]
    if form == "two pairs":
        side, extra = rng.choice(tuple(_OPPOSITE)), rng.randint(1, PUBLIC_MAX_STEPS)
        steps += [(side, extra), (_OPPOSITE[side], extra)]
    rng.shuffle(steps)
    return steps
