"""What is scored: candidate prompts times examples as token ids, of the lengths that scoring meets.

Ids are drawn at random: speed depends on lengths and on what sequences share, not on what they say. Lengths are drawn
evenly within a quarter of their mean, so that padding costs what it costs in practice; labels have one token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

Tokens: TypeAlias = tuple[int, ...]
Item: TypeAlias = tuple[Tokens, Tokens]  # context, target
FIRST_ID = 64  # below it models keep their special tokens
SPREAD = 0.25
NUM_LABELS = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """Mean tokens of a prompt, an input and a target, and how items come from them.

    Attributes:
        kind: ``examples``: C prompts, each with all N examples. ``masked``: C variants of one prompt, the whole one and
            others that lack one of C - 1 units. ``labels``: C prompts, N / 4 inputs, each with all 4 labels as targets.
    """

    name: str
    kind: str
    prompt: int
    input: int
    target: int

    def items(self, num_candidates: int, num_examples: int, vocabulary: int, seed: int) -> list[Item]:
        """All (context, target), the examples of the first candidate first."""
        return _KINDS[self.kind](_Drawer(self, vocabulary, seed), num_candidates, num_examples)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("A", "examples", 400, 100, 50),
        Shape("B", "examples", 150, 60, 20),
        Shape("C", "examples", 100, 300, 100),
        Shape("D", "masked", 150, 60, 20),
        Shape("E", "labels", 150, 60, 1),
    )
}


class _Drawer:
    """Draws token ids of one shape."""

    def __init__(self, shape: Shape, vocabulary: int, seed: int) -> None:
        self._shape = shape
        self._vocabulary = vocabulary
        self._rng = np.random.default_rng(seed)

    def prompts(self, number: int) -> list[Tokens]:
        return [self._text(self._shape.prompt) for _ in range(number)]

    def examples(self, number: int) -> list[Item]:
        return [(self._text(self._shape.input), self._text(self._shape.target)) for _ in range(number)]

    def labels(self) -> list[Tokens]:
        chosen = self._rng.choice(self._vocabulary - FIRST_ID, NUM_LABELS, replace=False) + FIRST_ID
        return [(label,) for label in chosen.tolist()]

    def _text(self, mean: int) -> Tokens:
        spread = int(mean * SPREAD)
        length = int(self._rng.integers(mean - spread, mean + spread + 1))
        return tuple(self._rng.integers(FIRST_ID, self._vocabulary, length).tolist())


def _examples(drawer: _Drawer, num_candidates: int, num_examples: int) -> list[Item]:
    prompts, examples = drawer.prompts(num_candidates), drawer.examples(num_examples)
    return [(prompt + text, target) for prompt in prompts for text, target in examples]


def _masked(drawer: _Drawer, num_candidates: int, num_examples: int) -> list[Item]:
    prompt, examples = drawer.prompts(1)[0], drawer.examples(num_examples)
    return [(variant + text, target) for variant in _variants(prompt, num_candidates) for text, target in examples]


def _variants(prompt: Tokens, number: int) -> list[Tokens]:
    """The prompt, and ``number - 1`` that lack one unit each."""
    cuts = np.linspace(0, len(prompt), number).astype(int).tolist() if number > 1 else []
    return [prompt, *(prompt[:start] + prompt[end:] for start, end in pairwise(cuts))]


def _labels(drawer: _Drawer, num_candidates: int, num_examples: int) -> list[Item]:
    prompts, examples = drawer.prompts(num_candidates), drawer.examples(max(1, num_examples // NUM_LABELS))
    labels = drawer.labels()
    return [(prompt + text, label) for prompt in prompts for text, _ in examples for label in labels]


_KINDS: dict[str, Callable[[_Drawer, int, int], list[Item]]] = {
    "examples": _examples,
    "masked": _masked,
    "labels": _labels,
}


def spread_places(num_items: int, number: int) -> list[int]:
    """Places of at most ``number`` items, evenly spread, the first and the last among them."""
    return sorted(set(np.linspace(0, num_items - 1, min(number, num_items)).round().astype(int).tolist()))


def num_raw_tokens(items: Sequence[Item]) -> int:
    """Context and target tokens of all items: what is read when nothing is shared."""
    return sum(len(context) + len(target) for context, target in items)
