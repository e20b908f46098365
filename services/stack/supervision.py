"""Start the children in order, wait until they are ready, start those again that die, stop all."""

from __future__ import annotations

import sys
import time
import urllib.request
from collections.abc import Callable

from pmpo.errors import UnavailableError
from services.stack.children import Child
from services.stack.stopping import StopRequest

POLL_S = 0.1
WATCH_S = 0.5
START_LIMIT_S = 1_800.0
MAX_RESTARTS = 5
RESTART_WINDOW_S = 60.0


class StoppedWhileStartingError(Exception):
    """A stop was asked for before the stack was ready."""


class Supervisor:
    """The children of one stack."""

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop
        self._children: list[Child] = []
        self._deaths: dict[str, list[float]] = {}

    def start(self, child: Child) -> None:
        """Start a child; from now on it is watched and will be stopped."""
        self._children.append(child)
        child.start()

    def wait_until(self, is_ready: Callable[[], bool], what: str) -> None:
        """Wait for something that the children do.

        Raises:
            UnavailableError: a child died, or nothing came of it in half an hour; says what the child said last.
            StoppedWhileStartingError: a stop was asked for.
        """
        deadline = time.monotonic() + START_LIMIT_S
        while not is_ready():
            self._refuse_dead()
            if time.monotonic() > deadline:
                folder = self._children[-1].log_file.parent
                raise UnavailableError(f"{what} was not ready after {START_LIMIT_S:g} s; see the logs in {folder}")
            if self._stop.sleep(POLL_S):
                raise StoppedWhileStartingError
        self._refuse_dead()

    def watch(self) -> None:
        """Start dead children again until a stop is asked for.

        Raises:
            UnavailableError: a child died more than 5 times within a minute.
        """
        while not self._stop.sleep(WATCH_S):
            for child in self._children:
                if child.exit_code() is not None:
                    self._restart(child)

    def stop(self) -> None:
        """Stop the children: all at once but the first, which the others need while they put their work away."""
        first, others = self._children[:1], self._children[1:]
        for group in (others, first):
            for child in group:
                child.ask_to_stop()
            for child in group:
                child.wait_stopped()

    def _refuse_dead(self) -> None:
        for child in self._children:
            if child.exit_code() is not None:
                raise UnavailableError(f"{child.name} ended while it started: {child.last_line()}")

    def _restart(self, child: Child) -> None:
        now = time.monotonic()
        recent = [moment for moment in self._deaths.get(child.name, []) if now - moment < RESTART_WINDOW_S]
        if len(recent) >= MAX_RESTARTS:
            raise UnavailableError(f"{child.name} dies again and again, last with: {child.last_line()}")
        self._deaths[child.name] = [*recent, now]
        print(f"stack: {child.name} ended with {child.exit_code()}; starting it again", file=sys.stderr, flush=True)
        child.start()


def answers_ready(url: str) -> bool:
    """Whether ``GET url/readyz`` says 200; proxies are left out."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/readyz", timeout=5.0) as answer:
            return int(answer.status) == 200
    except OSError:
        return False
