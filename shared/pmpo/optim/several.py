"""Several target models at once: one scorer port over many, and the objective that makes one loss of theirs.

The port answers each example's targets once for every model, one model after the other::

    log_likelihoods[c][n] = (model A: target 0 .. T-1, model B: target 0 .. T-1, ...)

and the objective takes them apart again. So the journal, the meter and the budget see one scorer: one entry a call with
everything in it, one token count that is the sum of all models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pmpo.errors import InvalidInputError
from pmpo.optim.losses import Floats, Objective
from pmpo.optim.types import Example, ModelIdentity, Scores

T = TypeVar("T")
Combine = Literal["mean", "worst"]


class Counter(Protocol):
    """The part of a scorer that counts."""

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """See ``pmpo.optim.ports.Scorer``."""
        ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ``pmpo.optim.ports.Scorer``."""
        ...


class IdentifiedScorer(Counter, Protocol):
    """A scorer that says what its scores come from."""

    @property
    def identity(self) -> ModelIdentity | None:
        """None before the first answer."""
        ...

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """See ``pmpo.optim.ports.Scorer``."""
        ...


class SeveralCounters:
    """Token counts of several models as those of one."""

    def __init__(self, counters: Sequence[Counter]) -> None:
        self._counters = tuple(counters)

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """(C, N) tokens summed over the models, which is what a budget pays. Raises TooLongError if one refuses."""
        counts = [await counter.num_scored_tokens(prompts, examples) for counter in self._counters]
        return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*counts, strict=True)]

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Of each text the most tokens that a model makes of it: a limit must hold for all of them."""
        counts = [await counter.count_tokens(texts) for counter in self._counters]
        return [max(cells) for cells in zip(*counts, strict=True)]


class SeveralScorers(SeveralCounters):
    """Several scorers as one. The models are asked one after the other, in the order of the job's list."""

    def __init__(self, scorers: Sequence[IdentifiedScorer]) -> None:
        super().__init__(scorers)
        self._scorers = tuple(scorers)

    @property
    def identity(self) -> ModelIdentity | None:
        """All models in one; None before each of them has answered."""
        found = [scorer.identity for scorer in self._scorers]
        known = [identity for identity in found if identity is not None]
        return joined_identity(known) if len(known) == len(found) else None

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """(C, N, models * targets): see the picture above. Each model checks its own identity."""
        answers = [await scorer.score(prompts, examples) for scorer in self._scorers]
        identities = tuple(answer.identity for answer in answers)
        return Scores(
            log_likelihoods=_side_by_side([answer.log_likelihoods for answer in answers]),
            num_tokens=_side_by_side([answer.num_tokens for answer in answers]),
            scored_tokens=sum(answer.scored_tokens for answer in answers),
            computed_tokens=sum(answer.computed_tokens for answer in answers),
            identity=joined_identity(identities),
            identities=identities,
        )


@dataclass(frozen=True, slots=True)
class SeveralTargets:
    """The loss over several models: of each example the mean of their losses, or the worst of them.

    ``base`` should be normalised (``token_mean``, ``byte_mean``): sums of models with other tokenizers differ in scale.
    """

    base: Objective
    num_models: int
    combine: Combine = "mean"

    def __post_init__(self) -> None:
        """Refuse no model."""
        if self.num_models < 1:
            raise InvalidInputError("models.target is an empty list; name at least one endpoint")

    def losses(self, scores: Scores, examples: Sequence[Example]) -> Floats:
        """(C, N) losses. Raises NonFiniteScoreError."""
        each = np.array([self.base.losses(part, examples) for part in self._parts(scores)])  # (models, C, N)
        return np.asarray(each.mean(axis=0) if self.combine == "mean" else each.max(axis=0))

    def wins(self, scores: Scores) -> NDArray[np.bool_] | None:
        """(C, N): where the right answer is the likeliest under every model; None where nothing can be compared."""
        each = [wins for part in self._parts(scores) if (wins := self.base.wins(part)) is not None]
        return np.all(each, axis=0) if each else None

    def _parts(self, scores: Scores) -> list[Scores]:
        """Each model's own scores."""
        return [
            replace(
                scores,
                log_likelihoods=_share(scores.log_likelihoods, place, self.num_models),
                num_tokens=_share(scores.num_tokens, place, self.num_models),
            )
            for place in range(self.num_models)
        ]


def joined_identity(identities: Sequence[ModelIdentity]) -> ModelIdentity:
    """One identity that names them all, in order."""
    return ModelIdentity(
        " + ".join(identity.model for identity in identities),
        " + ".join(identity.revision for identity in identities),
        " + ".join(identity.dtype for identity in identities),
        " + ".join(identity.engine for identity in identities),
    )


def _side_by_side(tables: Sequence[Sequence[Sequence[tuple[T, ...]]]]) -> tuple[tuple[tuple[T, ...], ...], ...]:
    """(C, N) tables of cells, each cell followed by the same cell of the next table."""
    return tuple(
        tuple(tuple(value for cell in cells for value in cell) for cells in zip(*rows, strict=True))
        for rows in zip(*tables, strict=True)
    )


def _share(table: Sequence[Sequence[tuple[T, ...]]], place: int, num: int) -> tuple[tuple[tuple[T, ...], ...], ...]:
    """The cells' part number ``place`` of ``num`` equal ones."""
    return tuple(
        tuple(cell[place * (len(cell) // num) : (place + 1) * (len(cell) // num)] for cell in row) for row in table
    )
