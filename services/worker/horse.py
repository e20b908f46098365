"""The work horse's own life: when it should let go of its job, and that it never outlives its worker for long."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

PARENT_CHECK_S = 0.5
ENDING_S = 2.0


class Drain:
    """Set on SIGTERM, and when the parent process is gone.

    The call at hand then has ``drain_s`` and the run's end ``ENDING_S``; after that the process ends, come what may.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, drain_s: float) -> None:
        self.event = asyncio.Event()
        self._loop = loop
        self._parent_pid = os.getppid()
        self._grace_s = drain_s + ENDING_S

    def install(self) -> None:
        """Begin to listen. The parent is watched by a thread, so that a busy loop does not hide its end."""
        self._loop.add_signal_handler(signal.SIGTERM, self._begin)
        threading.Thread(target=self._watch_parent, name="parent-watch", daemon=True).start()

    def _begin(self) -> None:
        if not self.event.is_set():
            self.event.set()
            threading.Thread(target=self._end_after_grace, name="grace", daemon=True).start()

    def _watch_parent(self) -> None:
        while os.getppid() == self._parent_pid:
            time.sleep(PARENT_CHECK_S)
        self._loop.call_soon_threadsafe(self.event.set)
        self._end_after_grace()

    def _end_after_grace(self) -> None:
        time.sleep(self._grace_s)
        os._exit(1)
