"""Every kind of input by name, and how one input is drawn from the training side or the held-out side."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from types import MappingProxyType

from nano_training.answers import Item
from nano_training.entities import Entities, train_entities
from nano_training.kinds import (
    boolean,
    choices,
    counting,
    dates,
    lies,
    messages,
    number_lists,
    records,
    reviews,
    shuffle,
    single_words,
    sorting,
    tables,
    walk,
    word_lists,
)
from nano_training.kinds.base import Kind
from nano_training.public_inputs import is_public

REPEAT = "repeat"
HELD_OUT_ONE_IN = 20
HELD_OUT_FAMILIES = (("words", "second"), ("numbers", "min"), ("record", "color"))
_EVERYDAY = (reviews, word_lists, number_lists, single_words, dates, tables, records, messages, choices)
_PUBLIC_FORMS = (walk, boolean, counting, lies, shuffle, sorting)

KINDS: Mapping[str, Kind] = MappingProxyType({module.KIND.name: module.KIND for module in (*_EVERYDAY, *_PUBLIC_FORMS)})
EVERYDAY_KINDS = tuple(module.KIND.name for module in _EVERYDAY)
PUBLIC_KINDS = tuple(module.KIND.name for module in _PUBLIC_FORMS)
FAMILIES: tuple[tuple[str, str], ...] = tuple((kind.name, task) for kind in KINDS.values() for task in kind.tasks)
TRAINED_FAMILIES = tuple(family for family in FAMILIES if family not in HELD_OUT_FAMILIES)
_TRAIN_ENTITIES = train_entities()


def is_held_out(text: str) -> bool:
    """Is this input one of the one in twenty that training never sees? Decided by the text's SHA-256 alone."""
    return int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:8], 16) % HELD_OUT_ONE_IN == 0


def draw_item(rng: random.Random, kind: str, *, held_out: bool, entities: Entities = _TRAIN_ENTITIES) -> Item:
    """An input of ``kind`` from the training side or the held-out side, never one of a public file.

    Single words are too few to be divided.
    """
    while True:
        item = KINDS[kind].draw(rng, entities)
        if (kind == "word" or is_held_out(item.text) == held_out) and not is_public(item.text):
            return item
