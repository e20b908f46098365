"""Why the stack should stop: a signal, the end of its parent, the end of its standard input."""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
import time


class StopRequest:
    """Becomes true once and stays so."""

    def __init__(self, *, outlives_parent: bool) -> None:
        self._is_requested = False
        self._parent_pid = None if outlives_parent else os.getppid()
        self._stdin = None if outlives_parent else _piped_stdin()

    def install(self) -> None:
        """Listen to SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def sleep(self, seconds: float) -> bool:
        """Wait; true as soon as the stack should stop."""
        deadline = time.monotonic() + seconds
        while not self._look() and time.monotonic() < deadline:
            time.sleep(min(0.1, max(0.0, deadline - time.monotonic())))
        return self._is_requested

    def _look(self) -> bool:
        if self._parent_pid is not None and os.getppid() != self._parent_pid:
            self._is_requested = True
        if self._stdin is not None and select.select([self._stdin], [], [], 0)[0] and not os.read(self._stdin, 4096):
            self._is_requested = True
        return self._is_requested

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._is_requested = True


def _piped_stdin() -> int | None:
    """Standard input when a program holds its other end; a terminal, a file or nothing says nothing by ending."""
    try:
        number = sys.stdin.fileno()
        return number if stat.S_ISFIFO(os.fstat(number).st_mode) else None
    except (AttributeError, OSError, ValueError):
        return None
