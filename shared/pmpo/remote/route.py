"""Which replica gets the next try, if any may be asked now."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from pmpo.remote.addresses import Addresses
from pmpo.remote.breaker import BreakerPolicy, Breakers, Pass

NEVER_OPENS = BreakerPolicy(max_failures=sys.maxsize)
MIN_WAIT_S = 0.1


class LeftAloneError(Exception):
    """Every replica is left alone by its breaker. ``wait_s``: until one of them may be probed."""

    def __init__(self, reason: str, wait_s: float) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class Route:
    """The replicas of one peer, each behind the breaker that its address has in this process.

    Args:
        urls: base addresses.
        job: spreads jobs over them.
        breakers: those of the process; None: no server is ever left alone.
        is_probing: ask also who is left alone, and let a failure count for nothing: for checks with short deadlines.
        clock: seconds that never fall.
    """

    def __init__(
        self,
        urls: Sequence[str],
        job: str | None,
        breakers: Breakers | None,
        *,
        is_probing: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._addresses = Addresses(urls, job)
        self._urls = tuple(urls)
        self._breakers = breakers or Breakers(NEVER_OPENS)
        self._is_probing = is_probing
        self._clock = clock

    def __len__(self) -> int:
        """How many replicas there are."""
        return len(self._addresses)

    def enter(self) -> tuple[str, Pass]:
        """Who is asked now, and the leave to do so.

        Raises:
            LeftAloneError: nobody may be asked now.
        """
        now = self._clock()
        for _ in self._urls:
            url = self._addresses.current
            given = Pass(now) if self._is_probing else self._breakers.try_enter(url, now)
            if given is not None:
                return url, given
            self._addresses.leave(url)
        breakers = [self._breakers.at(url) for url in self._urls]
        first = min(breakers, key=lambda breaker: breaker.wait_s(now))
        raise LeftAloneError(first.reason, max(MIN_WAIT_S, first.wait_s(now)))

    def answered(self, url: str) -> None:
        """The replica lives, whatever it said."""
        self._breakers.answered(url, self._clock())

    def failed(self, url: str, given: Pass, reason: str) -> None:
        """The replica does not answer: the next try goes to another."""
        self._addresses.leave(url)
        if not self._is_probing:
            self._breakers.failed(url, given, self._clock(), reason)

    def busy(self, url: str) -> None:
        """The replica lives and has no room: the next try goes to another."""
        self._addresses.leave(url)
        self.answered(url)

    def given_up(self, url: str, given: Pass) -> None:
        """The call was cancelled."""
        self._breakers.given_up(url, given, self._clock())
