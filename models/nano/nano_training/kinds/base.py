"""What a kind of input is made of."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nano_training.answers import Item
from nano_training.entities import Entities


@dataclass(frozen=True, slots=True)
class Task:
    """How prompts name a task (patterns of ``grammar``), and how a user describes it to the rewriter."""

    phrasings: tuple[str, ...]
    descriptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input.

    Attributes:
        name: as in families: ``name/task``.
        draw: an input whose names and words come from the given entities.
        labels: what a prompt may write before a placeholder, as in ``Review: {{input}}``.
        tasks: at least two, so that only the prompt says which answer is wanted.
    """

    name: str
    draw: Callable[[random.Random, Entities], Item]
    labels: tuple[str, ...]
    tasks: Mapping[str, Task]
