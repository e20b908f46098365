"""What goes into the batcher and comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pmpo.errors import ScorerUnavailableError
from services.scorer.engines.base import ScoredItems
from services.scorer.generation.types import Sample


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much runs at a time, in tokens that are not shared.

    Attributes:
        slice_tokens: of a scoring round at most while answers are being sampled, and at least otherwise.
        round_tokens: of a scoring round at most.
        memo_bytes: bound of the memo of scores; 0 switches it off.
        is_deterministic: no company and no memo: what is computed for a request depends on that request alone.
    """

    slice_tokens: int
    round_tokens: int
    memo_bytes: int = 0
    is_deterministic: bool = False

    @property
    def remembers(self) -> bool:
        """Whether scores are remembered."""
        return self.memo_bytes > 0 and not self.is_deterministic


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of one request, the seconds it waited and ran, and the tokens of the items that were remembered."""

    items: ScoredItems
    queue_s: float
    compute_s: float
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """Samples of one request and the seconds it waited and ran."""

    samples: tuple[Sample, ...]
    queue_s: float
    compute_s: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no request is taken. ``retry_after_s``: when it may be over; None when it will not be by itself."""

    reason: str
    retry_after_s: float | None = None

    @property
    def error(self) -> ScorerUnavailableError:
        """What a caller is told."""
        return ScorerUnavailableError(self.reason, retry_after_s=self.retry_after_s)


class Observer(Protocol):
    """Who wants to know what ran."""

    def round_ended(self, num_items: int, num_tokens: int, computed_tokens: int, seconds: float) -> None:
        """One engine call: its items, their context plus target tokens, the tokens that the engine ran."""
        ...

    def turn_ended(self, num_rows: int, seconds: float) -> None:
        """One token was drawn for so many rows."""
        ...
