"""What an engine is: token ids in, log-likelihoods out. Bare GPU machines run it: numpy and our errors, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pmpo.errors import NonFiniteScoreError

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TokenItem:
    """One sequence to score: ``context`` is given, every token of ``target`` is scored. Neither is empty."""

    context: tuple[int, ...]
    target: tuple[int, ...]

    @property
    def num_tokens(self) -> int:
        """Context plus target tokens: what scoring this item alone would read."""
        return len(self.context) + len(self.target)


@dataclass(frozen=True, slots=True)
class ScoredItems:
    """Scores in the order of the items.

    Attributes:
        token_log_likelihoods: one float32 array a item, shape (target tokens,), nats.
        computed_tokens: tokens run for each item; what several items share is counted at one of them.
    """

    token_log_likelihoods: tuple[FloatArray, ...]
    computed_tokens: tuple[int, ...]


def spread(
    items: Sequence[TokenItem], values: Mapping[TokenItem, FloatArray], computed: Mapping[TokenItem, int]
) -> ScoredItems:
    """Scores of items of which each distinct one was scored once: copies get its values, the first its tokens."""
    uncounted = dict(computed)
    return ScoredItems(
        token_log_likelihoods=tuple(values[item] for item in items),
        computed_tokens=tuple(uncounted.pop(item, 0) for item in items),
    )


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """What produced a score, and its limits.

    Attributes:
        mode: how the engine shares work; a model that is loaded and not yet an engine's has "unchecked".
        num_parameters: 0 where nobody says.
        is_estimate: whether values are estimates, not the model's own.
    """

    model: str
    revision: str
    dtype: str
    engine: str
    mode: str
    num_parameters: int
    context_length: int
    is_estimate: bool = False


class Engine(Protocol):
    """Scores token ids. Called from one thread at a time."""

    @property
    def identity(self) -> EngineIdentity:
        """The model, its revision, the engine and its limits."""

    @property
    def peak_memory_bytes(self) -> int | None:
        """Most memory held at once for the model and its work since the start; None where the engine cannot know."""

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        """Log-likelihood of every target token of every item, independent of what else is in the batch.

        Items are no longer than the context length (checked by the caller). May return NaN: see ``check_finite``.
        """

    def self_check(self) -> None:
        """Compare a few scores with the slow formula.

        Raises:
            EngineError: the engine's numbers are not those of the model.
        """


def check_finite(token_log_likelihoods: Sequence[FloatArray]) -> None:
    """Refuse NaN and infinity: a log-likelihood that is no number must not reach a caller.

    Raises:
        NonFiniteScoreError: names the first item, as its place in the request, and the token.
    """
    for index, values in enumerate(token_log_likelihoods):
        finite = np.isfinite(values)
        if not finite.all():
            token = int(np.argmin(finite))
            raise NonFiniteScoreError(
                f"the model gave {values[token]} for token {token} of item {index}; "
                "its weights or its dtype are broken: run it in float32 (PMPO_SCORER_DTYPE, or the server's own option)"
            )
