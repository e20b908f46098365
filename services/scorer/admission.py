"""Admission by tokens: what waits or runs is bounded, and who comes too many is told when to come back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from pmpo.errors import OverloadedError

MAX_RENDERING = 256
MIN_RETRY_S = 1.0
MAX_RETRY_S = 60.0
RATE_WEIGHT = 0.3  # of the newest observation


class Admission:
    """Counts the tokens of all admitted requests. Used from the event loop only."""

    def __init__(self, max_queued_tokens: int, max_rendering: int = MAX_RENDERING) -> None:
        self._max_queued_tokens = max_queued_tokens
        self._max_rendering = max_rendering
        self._num_rendering = 0
        self._tokens_per_s = 0.0
        self.queued_tokens = 0

    @contextmanager
    def rendering(self) -> Iterator[None]:
        """Hold one of the places for requests whose tokens are not counted yet.

        Raises:
            OverloadedError: all places are taken.
        """
        if self._num_rendering >= self._max_rendering:
            raise OverloadedError(
                f"{self._num_rendering} requests are being tokenised; try again later", retry_after_s=MIN_RETRY_S
            )
        self._num_rendering += 1
        try:
            yield
        finally:
            self._num_rendering -= 1

    @contextmanager
    def reserved(self, num_tokens: int) -> Iterator[None]:
        """Hold ``num_tokens`` until the request is answered. An idle scorer admits a request of any size.

        Raises:
            OverloadedError: the tokens that wait would become more than the limit; carries ``retry_after_s``.
        """
        excess = self.queued_tokens + num_tokens - self._max_queued_tokens
        if self.queued_tokens and excess > 0:
            raise OverloadedError(
                f"{self.queued_tokens} tokens are waiting, {num_tokens} more would exceed {self._max_queued_tokens}; "
                "try again later",
                retry_after_s=self._wait_s(excess),
            )
        self.queued_tokens += num_tokens
        try:
            yield
        finally:
            self.queued_tokens -= num_tokens

    def observe(self, num_tokens: int, compute_s: float) -> None:
        """Learn the engine's rate from a finished request; the time to wait is estimated from it."""
        if compute_s > 0:
            rate = num_tokens / compute_s
            weight = RATE_WEIGHT if self._tokens_per_s else 1.0
            self._tokens_per_s += weight * (rate - self._tokens_per_s)

    def _wait_s(self, num_tokens: int) -> float:
        """Whole seconds until the engine has worked off ``num_tokens``."""
        if not self._tokens_per_s:
            return MIN_RETRY_S
        return float(min(MAX_RETRY_S, max(MIN_RETRY_S, math.ceil(num_tokens / self._tokens_per_s))))
