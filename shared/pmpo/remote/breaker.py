"""A breaker before each server: one that keeps failing is left alone for a while, then asked with one call.

    closed ── max_failures in a row ──> open ── its time is over, next call ──> half open (that call is the probe)
      ^                                  ^                                         │
      └────────── any answer ────────────┼──────────────── answer ─────────────────┤
                                         └── failure (open for twice as long) ─────┘

Pure: no network, no clock (times are passed in), randomness from a generator that is passed in. An answer is whatever a
living server says, a refusal included; a failure is no connection, no answer in time, or a gateway that says so.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long.

    Attributes:
        max_failures: failures in a row that open it. Calls that were under way at once fail together and count as one.
        first_open_s: how long it stays open at first; twice as long after each probe that failed.
        max_open_s: the longest, before jitter.
        jitter: up to this share is added, so that callers do not come back together.
    """

    max_failures: int = 5
    first_open_s: float = 1.0
    max_open_s: float = 10.0
    jitter: float = 0.25


DEFAULT_BREAKER = BreakerPolicy()


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to make one call; give it back to the breaker with how the call ended."""

    since: float
    is_probe: bool = False


class Breaker:
    """The breaker of one server. All times are seconds of one clock that never falls."""

    def __init__(self, policy: BreakerPolicy = DEFAULT_BREAKER, rng: random.Random | None = None) -> None:
        self._policy = policy
        self._rng = rng or random.Random()  # noqa: S311 (jitter)
        self._num_failures = 0
        self._num_openings = 0
        self._failed_at = float("-inf")
        self._open_until = float("-inf")
        self._is_open = False
        self._probe: Pass | None = None
        self.reason = ""

    @property
    def state(self) -> BreakerState:
        """``open`` until a probe is under way, also when its time is over and nobody has called since."""
        if not self._is_open:
            return "closed"
        return "open" if self._probe is None else "half_open"

    def try_enter(self, now: float) -> Pass | None:
        """Leave to call; None while the server is left alone or somebody else's probe is under way."""
        if not self._is_open:
            return Pass(now)
        if self._probe is not None or now < self._open_until:
            return None
        self._probe = Pass(now, is_probe=True)
        return self._probe

    def wait_s(self, now: float) -> float:
        """Seconds until a call may be let through; 0 when one is now, or when the probe under way decides."""
        return max(0.0, self._open_until - now) if self._is_open else 0.0

    def answered(self) -> None:
        """The server answered a call, whenever that began: it lives."""
        self._num_failures = self._num_openings = 0
        self._is_open = False
        self._probe = None
        self.reason = ""

    def failed(self, given: Pass, now: float, reason: str) -> None:
        """A call failed."""
        if self._is_open:
            if given is self._probe:
                self._open(now, reason)
            return
        if given.since < self._failed_at:
            return
        self._failed_at = now
        self._num_failures += 1
        if self._num_failures >= self._policy.max_failures:
            self._open(now, reason)

    def given_up(self, given: Pass) -> None:
        """A call was cancelled and says nothing of the server: the next one may be the probe."""
        if given is self._probe:
            self._probe = None

    def _open(self, now: float, reason: str) -> None:
        policy = self._policy
        longest_s = min(policy.max_open_s, policy.first_open_s * 2.0 ** min(self._num_openings, 60))
        self._open_until = now + longest_s * (1 + policy.jitter * self._rng.random())
        self._num_openings += 1
        self._is_open = True
        self._probe = None
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """A breaker is in another state than before: of which server, why, and for how long when it opened."""

    url: str
    state: BreakerState
    reason: str
    open_s: float


class Breakers:
    """The breakers of one process, one for each base address; whoever calls the same server shares its breaker.

    Args:
        policy: of all of them.
        on_change: told of every change of state.
    """

    def __init__(
        self,
        policy: BreakerPolicy = DEFAULT_BREAKER,
        on_change: Callable[[BreakerChange], None] = lambda _change: None,
    ) -> None:
        self._policy = policy
        self._on_change = on_change
        self._by_url: dict[str, Breaker] = {}

    def states(self) -> dict[str, BreakerState]:
        """The state of each server's breaker, by address, of those that were called."""
        return {url: breaker.state for url, breaker in self._by_url.items()}

    def at(self, url: str) -> Breaker:
        """The breaker of a server."""
        return self._by_url.setdefault(url, Breaker(self._policy))

    def try_enter(self, url: str, now: float) -> Pass | None:
        """See ``Breaker.try_enter``."""
        breaker = self.at(url)
        before = breaker.state
        given = breaker.try_enter(now)
        self._tell(url, before, now)
        return given

    def answered(self, url: str, now: float) -> None:
        """See ``Breaker.answered``."""
        breaker = self.at(url)
        before = breaker.state
        breaker.answered()
        self._tell(url, before, now)

    def failed(self, url: str, given: Pass, now: float, reason: str) -> None:
        """See ``Breaker.failed``."""
        breaker = self.at(url)
        before = breaker.state
        breaker.failed(given, now, reason)
        self._tell(url, before, now)

    def given_up(self, url: str, given: Pass, now: float) -> None:
        """See ``Breaker.given_up``."""
        breaker = self.at(url)
        before = breaker.state
        breaker.given_up(given)
        self._tell(url, before, now)

    def _tell(self, url: str, before: BreakerState, now: float) -> None:
        breaker = self.at(url)
        if breaker.state != before:
            self._on_change(BreakerChange(url, breaker.state, breaker.reason, breaker.wait_s(now)))
