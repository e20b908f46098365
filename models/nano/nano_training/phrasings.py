"""All sentences that name a task or a requirement, and which of them training never sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from nano_training.grammar import split
from nano_training.kinds.all import KINDS, REPEAT
from nano_training.labels import VOCABULARIES
from nano_training.style_phrasings import PLAIN_PATTERNS, STYLE_PHRASINGS, label_patterns

REPEAT_PATTERNS = ("{Repeat|Copy|Echo|Rewrite} the {text|input|message}{| unchanged| as it is| exactly}.",)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Phrasings:
    """The sentences for each (kind, task) and each (dimension, value); ``plain`` asks for nothing but the answer."""

    tasks: Mapping[Key, tuple[str, ...]]
    styles: Mapping[Key, tuple[str, ...]]
    plain: tuple[str, ...]


@lru_cache(maxsize=1)
def split_phrasings() -> tuple[Phrasings, Phrasings]:
    """The phrasings of training and the held-out ones: about a fifth of each list, decided by hash."""
    patterns: dict[Key, tuple[str, ...]] = {
        (kind.name, name): task.phrasings for kind in KINDS.values() for name, task in kind.tasks.items()
    }
    patterns |= {(kind, REPEAT): REPEAT_PATTERNS for kind in KINDS}
    styles = dict(STYLE_PHRASINGS)
    for vocabulary, lists in VOCABULARIES.items():
        for place in range(1, len(lists)):
            styles["labels", f"{vocabulary}:{place}"] = label_patterns(f"{vocabulary}:{place}")
    tasks = {key: split(value) for key, value in patterns.items()}
    wanted = {key: split(value) for key, value in styles.items()}
    plain = split(PLAIN_PATTERNS)
    seen, unseen = (
        Phrasings(
            {key: sides[side] for key, sides in tasks.items()},
            {key: sides[side] for key, sides in wanted.items()},
            plain[side],
        )
        for side in (0, 1)
    )
    return seen, unseen
