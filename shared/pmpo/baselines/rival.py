"""What a rival is: a policy that asks for prompts and takes in how they did. The loop never knows which one it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pmpo.baselines.acceptance import Acceptance
from pmpo.baselines.evaluation import Evaluation
from pmpo.baselines.spec import MeasureKind
from pmpo.baselines.standing import Ranked
from pmpo.optim.events import Candidate
from pmpo.optim.guards import Rejection
from pmpo.optim.types import Example, Message

Leaver = tuple[Candidate, Rejection]


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that the rewriter is asked for.

    Attributes:
        parent: the candidate that the answers grow from.
        own: the rival's own meta-prompt, filled in.
        base: the prompt that the shared operator is given to rewrite instead.
        examples: those that the shared operator shows, one to a request; the samples are divided among them.
        num_samples: answers wanted.
    """

    parent: Candidate
    own: tuple[Message, ...]
    base: str
    examples: tuple[Example, ...]
    num_samples: int = 1


@dataclass(frozen=True, slots=True)
class Given:
    """A prompt that needs no rewriter."""

    parent: Candidate
    prompt: str


@dataclass(frozen=True, slots=True)
class View:
    """What a rival may look at. ``seed`` is the seed prompt with its score."""

    seed: Ranked
    train: tuple[Example, ...]
    task: str
    keep: tuple[str, ...]
    kind: MeasureKind
    rng: np.random.Generator

    def draw(self, count: int) -> tuple[Example, ...]:
        """Different random training examples, at most ``count``."""
        positions = self.rng.permutation(len(self.train))[:count]
        return tuple(self.train[int(position)] for position in positions)


class Rival(Protocol):
    """One algorithm. It is built for one run: it holds its population or trajectory.

    Attributes:
        published: how its paper scores prompts.
        evaluation: on which training examples its candidates are scored.
        acceptance: which of them become the incumbent.
        num_proposals: the most prompts that one round asks for.
        room: answers of its own meta-prompt may be so many prompts long (steps that are written out); 0 when it asks
            no rewriter.
        min_rounds, max_rounds: rounds that are run whatever the seed's score, and the most that make sense.
    """

    published: MeasureKind
    evaluation: Evaluation
    acceptance: Acceptance
    num_proposals: int
    room: int
    min_rounds: int
    max_rounds: int | None

    def asks(self, view: View) -> Sequence[Ask | Given]:
        """What the next round tries."""
        ...

    def take(self, scored: Sequence[Ranked]) -> list[Leaver]:
        """Take in the candidates of a round; returns who leaves for good, with the reason."""
        ...


def overtaken(member: Ranked, rule: str) -> Leaver:
    """A candidate that the rival's own rule of survival lets go."""
    return member.candidate, Rejection("selection", f"{rule}; it scored {member.score:.4f} (lower is better)")
