"""Admission by tokens: what waits or runs is bounded, and who comes too many is told when to come back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pmpo.errors import OverloadedError

MAX_RENDERING = 256
ROOM_FOR_NEW_JOBS = 2  # times the limit
MIN_RETRY_S = 1.0
MAX_RETRY_S = 60.0
RATE_WEIGHT = 0.3  # of the newest observation


class Admission:
    """Counts the tokens of all admitted requests, by job. Used from the event loop only.

    Jobs fill the queue up to its limit. Above it there is room as large again for jobs that have nothing in it: nobody
    is refused because another one has filled the queue.
    """

    def __init__(self, max_queued_tokens: int, max_rendering: int = MAX_RENDERING) -> None:
        self._max_queued_tokens = max_queued_tokens
        self._max_rendering = max_rendering
        self._num_rendering = 0
        self._tokens_per_s = 0.0
        self._held: Counter[str] = Counter()

    @property
    def queued_tokens(self) -> int:
        """Tokens that wait or run."""
        return self._held.total()

    @contextmanager
    def rendering(self) -> Iterator[None]:
        """Hold one of the places for requests whose tokens are not counted yet.

        Raises:
            OverloadedError: all places are taken.
        """
        if self._num_rendering >= self._max_rendering:
            raise OverloadedError(
                f"{self._num_rendering} requests are being tokenised, the most at a time; "
                f"try again in {MIN_RETRY_S:.0f} s",
                retry_after_s=MIN_RETRY_S,
            )
        self._num_rendering += 1
        try:
            yield
        finally:
            self._num_rendering -= 1

    @contextmanager
    def reserved(self, num_tokens: int, job: str) -> Iterator[None]:
        """Hold ``num_tokens`` until the request is answered. An idle scorer admits a request of any size.

        Raises:
            OverloadedError: the tokens that wait would become more than the limit; carries ``retry_after_s``.
        """
        self._check(num_tokens, job)
        self._held[job] += num_tokens
        try:
            yield
        finally:
            self._held[job] -= num_tokens
            if not self._held[job]:
                del self._held[job]

    def _check(self, num_tokens: int, job: str) -> None:
        queued, held = self.queued_tokens, self._held[job]
        limit = self._max_queued_tokens * (1 if held else ROOM_FOR_NEW_JOBS)
        excess = queued + num_tokens - limit
        if not queued or excess <= 0:
            return
        whose = f", {held} of them of this job" if held else ""
        wait_s = self._wait_s(excess)
        raise OverloadedError(
            f"{queued} tokens are waiting{whose}, and {num_tokens} more would exceed the limit of {limit}; "
            f"try again in {wait_s:.0f} s",
            retry_after_s=wait_s,
        )

    def observe(self, num_tokens: int, compute_s: float) -> None:
        """Learn the engine's rate from a finished round; the time to wait is estimated from it."""
        if compute_s > 0:
            rate = num_tokens / compute_s
            weight = RATE_WEIGHT if self._tokens_per_s else 1.0
            self._tokens_per_s += weight * (rate - self._tokens_per_s)

    def _wait_s(self, num_tokens: int) -> float:
        """Whole seconds until the engine has worked off ``num_tokens``."""
        if not self._tokens_per_s:
            return MIN_RETRY_S
        return float(min(MAX_RETRY_S, max(MIN_RETRY_S, math.ceil(num_tokens / self._tokens_per_s))))
