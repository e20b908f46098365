"""The words that generated inputs are made of, and those that training never sees."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

HELD_OUT_ONE_IN = 7

CITIES = tuple(
    "Paris London Tokyo Berlin Madrid Rome Oslo Cairo Lima Delhi Boston Dublin Vienna Prague Lisbon Athens Warsaw "
    "Moscow Sydney Toronto Chicago Seattle Dallas Denver Miami Havana Bogota Quito Nairobi Lagos Accra Tunis Mumbai "
    "Seoul Osaka Hanoi Bangkok Manila Jakarta Geneva Zurich Milan Naples Munich Porto Turin Lyon Bergen Krakow "
    "Hamburg Leeds Bristol".split()
)
NAMES = tuple(
    "Alice Bob Carol David Emma Frank Grace Henry Irene Jack Karen Leo Maria Nick Olga Paul Rosa Sam Tina Victor "
    "Wendy Xavier Yvonne Zoe Adam Bella Chris Diana Eric Fiona George Hannah Ivan Julia Kevin Laura Martin Nora "
    "Oscar Peter Quinn Robert Sarah Thomas Ursula Vera Walter Amy Claire Dave Eve Fred Gertrude Lola Jamie Helga "
    "Ophelia Patrick Rodrigo Melissa Izzi Sherry Felix Ruth".split()
)
PRODUCTS = tuple(
    "movie book meal hotel show song game phone concert museum coffee laptop jacket restaurant train tour "
    "camera pizza watch sofa tablet printer blanket kettle".split()
)
PRAISE = tuple(
    "great wonderful excellent amazing lovely delightful brilliant superb fantastic charming perfect enjoyable".split()
)
BLAME = tuple("terrible awful boring horrible dreadful poor disappointing dull bad annoying shabby unpleasant".split())
COLORS = tuple("red blue green yellow purple orange black white brown pink gray silver gold".split())

CATEGORIES: dict[str, tuple[str, ...]] = {
    "animal": tuple(
        "cat dog horse rabbit tiger lion bear wolf fox mouse cow pig sheep goat duck frog snake whale".split()
    ),
    "fruit": tuple("apple banana cherry grape lemon mango pear plum melon kiwi fig strawberry papaya".split()),
    "tool": tuple("hammer saw drill wrench ladder shovel rake axe chisel pliers".split()),
    "vegetable": tuple("carrot potato onion garlic celery cabbage lettuce broccoli cauliflower yam".split()),
    "instrument": tuple("piano flute trumpet violin drum clarinet accordion trombone guitar harp".split()),
    "vehicle": tuple("car truck bus boat plane bicycle tram ship van taxi".split()),
}
PLAIN_WORDS = tuple(
    "river stone cloud window garden letter market winter summer bridge candle mirror forest island pocket rocket "
    "golden shadow thunder feather kitchen basket button castle dragon engine".split()
)
WORDS = tuple(word for words in CATEGORIES.values() for word in words) + PLAIN_WORDS

_ONSETS = tuple("b br c ch d dr f fr g gr h j k kr l m n p pr r s sh st t th tr v w y z".split())
_VOWELS = tuple("a e i o u a e i o ai ea ee ou".split())
_CODAS = tuple(", , ,n,r,l,s,t,m,nd,rk,st,ll,ck".replace(" ", "").split(","))


@dataclass(frozen=True, slots=True)
class Entities:
    """Lists to draw from."""

    cities: tuple[str, ...]
    names: tuple[str, ...]
    products: tuple[str, ...]
    words: tuple[str, ...]


def train_entities() -> Entities:
    """What training draws from."""
    return Entities(*(_side(words, held=False) for words in (CITIES, NAMES, PRODUCTS, WORDS)))


def held_entities() -> Entities:
    """About a seventh of each list: in no training input. Words have no unseen side: their categories are learned."""
    cities, names, products = (_side(words, held=True) for words in (CITIES, NAMES, PRODUCTS))
    return Entities(cities, names, products, WORDS)


def category_of(word: str) -> str:
    """The category of a word of WORDS; ``other`` for plain ones."""
    return next((name for name, members in CATEGORIES.items() if word in members), "other")


def made_up_word(rng: random.Random) -> str:
    """A lower-case word of one to three syllables that need not exist."""
    return "".join(
        rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(rng.choice((1, 2, 2, 3)))
    )


def made_up_name(rng: random.Random) -> str:
    """A capitalised word that need not exist."""
    return made_up_word(rng).capitalize()


def _side(words: tuple[str, ...], *, held: bool) -> tuple[str, ...]:
    if words is WORDS:
        return words
    return tuple(word for word in words if (_digest(word) % HELD_OUT_ONE_IN == 0) == held)


def _digest(word: str) -> int:
    return int(hashlib.sha256(f"entity:{word}".encode()).hexdigest()[:8], 16)
