"""Several servers of one model: who is asked next, who is left out, and when he is tried again. No network, no clock.

A server that does not answer is ejected for a while that doubles with every failure in a row. When the while is over,
the next caller takes it on trial: the server is checked, then readmitted or ejected again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

FIRST_EJECTION_S = 0.5
MAX_EJECTION_S = 30.0


@dataclass(slots=True, eq=False)
class Server:
    """One server and what is known of it. ``ejected_until`` is None while it is in use."""

    url: str
    num_calls: int = 0
    num_tokens: int = 0
    num_failures: int = 0
    ejected_until: float | None = None
    is_on_trial: bool = False
    reason: str = ""


@dataclass(slots=True)
class Fleet:
    """The servers. ``jitter`` spreads the trials of several scorers."""

    servers: Sequence[Server]
    max_calls: int
    jitter: random.Random = field(default_factory=random.Random)

    def try_take(self, num_tokens: int, now: float) -> Server | None:
        """The server in use with the fewest tokens under way and room for a call, counted as taken; or None."""
        free = [server for server in self.servers if server.ejected_until is None and server.num_calls < self.max_calls]
        if not free:
            return None
        chosen = min(free, key=lambda server: server.num_tokens)
        chosen.num_calls += 1
        chosen.num_tokens += num_tokens
        return chosen

    def give_back(self, server: Server, num_tokens: int) -> None:
        """The call is over."""
        server.num_calls -= 1
        server.num_tokens -= num_tokens

    def try_trial(self, now: float) -> Server | None:
        """An ejected server whose while is over, marked as on trial; None when there is none."""
        due = [s for s in self.servers if s.ejected_until is not None and s.ejected_until <= now and not s.is_on_trial]
        if not due:
            return None
        chosen = min(due, key=lambda server: server.ejected_until or 0.0)
        chosen.is_on_trial = True
        return chosen

    def eject(self, server: Server, reason: str, now: float) -> bool:
        """Leave a server out. False, and nothing changes, when it is out already and not on trial."""
        if server.ejected_until is not None and not server.is_on_trial:
            return False
        wait_s = min(MAX_EJECTION_S, FIRST_EJECTION_S * 2**server.num_failures)
        server.num_failures += 1
        server.ejected_until = now + wait_s * (1 + 0.2 * self.jitter.random())
        server.is_on_trial = False
        server.reason = reason
        return True

    def readmit(self, server: Server) -> None:
        """Use a server again."""
        server.num_failures = 0
        server.ejected_until = None
        server.is_on_trial = False
        server.reason = ""

    def end_waits(self, now: float) -> None:
        """Let every ejected server be tried from now on; how long it is left out if it fails again stays."""
        for server in self.servers:
            if server.ejected_until is not None:
                server.ejected_until = min(server.ejected_until, now)

    def all_out(self) -> bool:
        """Whether no server is in use."""
        return all(server.ejected_until is not None for server in self.servers)

    def next_trial_s(self, now: float) -> float | None:
        """Seconds until a trial is due; None when no server waits for one."""
        due = [s.ejected_until for s in self.servers if s.ejected_until is not None and not s.is_on_trial]
        return max(0.0, min(due) - now) if due else None

    def reasons(self) -> str:
        """Who is out and why, for a message."""
        return "; ".join(
            f"{server.url}: {server.reason}" for server in self.servers if server.ejected_until is not None
        )
