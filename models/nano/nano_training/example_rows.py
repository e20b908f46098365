"""Rows of jobs: targets, preference pairs or options, each about an input that training never sees."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from nano_training.goals import Goal
from nano_training.kinds.all import draw_item
from nano_training.pairs import FLAWS, draw_pair
from nano_training.styles import Style, write

MAX_DRAWS_PER_ROW = 200

Row = dict[str, Any]


class RowMaker(Protocol):
    """Draws one row."""

    @property
    def kind(self) -> str:
        """The kind of input."""
        ...

    def draw(self, rng: random.Random, number: int) -> Row | None:
        """The row with this number (from 0) in its file; None when what was drawn makes no row."""
        ...


@dataclass(frozen=True, slots=True)
class TargetRows:
    """Rows of ``input`` and ``target``: the goal's answer."""

    goal: Goal

    @property
    def kind(self) -> str:
        """See ``RowMaker.kind``."""
        return self.goal.kind

    def draw(self, rng: random.Random, number: int) -> Row | None:
        """See ``RowMaker.draw``."""
        item = draw_item(rng, self.goal.kind, held_out=True)
        return {"input": item.text, "target": self.goal.target(item)}


@dataclass(frozen=True, slots=True)
class PairRows:
    """Rows of ``input``, ``chosen`` and ``rejected``: rejected answers are wrong, malformed and impolite in turn."""

    goal: Goal

    @property
    def kind(self) -> str:
        """See ``RowMaker.kind``."""
        return self.goal.kind

    def draw(self, rng: random.Random, number: int) -> Row | None:
        """See ``RowMaker.draw``."""
        pair = draw_pair(rng, self.goal, flaw=FLAWS[number % len(FLAWS)], held_out=True)
        return {"input": pair.item.text, "chosen": pair.chosen, "rejected": pair.rejected}


@dataclass(frozen=True, slots=True)
class OptionRows:
    """Rows of ``input``, ``options`` and ``answer``: the plain answers to several tasks on one input, mixed.

    Only ``right`` says which of the ``tasks`` is meant; the options' form tells nothing.
    """

    kind: str
    tasks: tuple[str, ...]
    right: str

    def draw(self, rng: random.Random, number: int) -> Row | None:
        """See ``RowMaker.draw``. None when two tasks have the same answer."""
        item = draw_item(rng, self.kind, held_out=True)
        options = {task: write(item.answers[task], Style()) for task in self.tasks}
        if len(set(options.values())) < len(options):
            return None
        mixed = rng.sample(list(options.values()), len(options))
        return {"input": item.text, "options": mixed, "answer": options[self.right]}


def draw_rows(maker: RowMaker, seed: str, num_rows: int) -> Iterator[Row]:
    """``num_rows`` rows with different inputs; the same for the same arguments.

    Raises:
        ValueError: the kind has fewer different held-out inputs than rows are wanted.
    """
    rng, seen = random.Random(seed), set[str]()
    for _ in range(MAX_DRAWS_PER_ROW * num_rows):
        if len(seen) == num_rows:
            return
        row = maker.draw(rng, len(seen))
        if row is not None and row["input"] not in seen:
            seen.add(row["input"])
            yield row
    if len(seen) < num_rows:
        raise ValueError(f"the kind {maker.kind!r} has fewer than {num_rows} different held-out inputs; ask for fewer")
