"""How large a scoring round is, so that whoever waits for the engine waits seconds and not minutes."""

from __future__ import annotations

import math
from collections.abc import Callable

from services.scorer.batcher.types import BatchLimits

QUIET_ROUND_S = 5.0
SHARED_ROUND_S = 2.0  # while answers are sampled: they stand still meanwhile
SAMPLING_IS_RECENT_S = 60.0  # a job that has asked for texts asks for more: the first token should not wait long
MIN_SHARED_TOKENS = 2_048  # below, what the items of a round share is computed again too often
DECAY = 0.7


class Pace:
    """Sizes of rounds, in tokens that are not shared, from how fast the last ones were.

    A deterministic scorer has one size, whatever else goes on and however long it takes. ``clock``: seconds that never
    fall.
    """

    def __init__(self, limits: BatchLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._sampled_at = -math.inf
        self._tokens = 0.0  # of the last rounds, older ones counting less and less
        self._seconds = 0.0

    def room(self, *, is_sampling: bool) -> int:
        """Tokens of a round that begins now. ``is_sampling``: whether answers are being drawn or wait."""
        limits = self._limits
        if limits.is_deterministic:
            return limits.slice_tokens
        if is_sampling:
            self._sampled_at = self._clock()
        if self._clock() - self._sampled_at < SAMPLING_IS_RECENT_S:
            return self._within(SHARED_ROUND_S, min(MIN_SHARED_TOKENS, limits.slice_tokens), limits.slice_tokens)
        return self._within(QUIET_ROUND_S, limits.slice_tokens, limits.round_tokens)

    def observe(self, num_tokens: int, seconds: float) -> None:
        """A round has ended."""
        self._tokens = DECAY * self._tokens + num_tokens
        self._seconds = DECAY * self._seconds + seconds

    def _within(self, seconds: float, low: int, high: int) -> int:
        """What runs in so many seconds, between two bounds; the upper one as long as nothing is known."""
        if not self._seconds:
            return high
        return max(low, min(high, int(seconds * self._tokens / self._seconds)))
