"""The work horse's own life: when it should let go of its job, and that it never outlives its worker for long."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

PARENT_CHECK_S = 0.5
GRACE_S = 5.0


class Drain:
    """Set on SIGTERM, and when the parent process is gone; ``GRACE_S`` later the process ends, come what may."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.event = asyncio.Event()
        self._loop = loop
        self._parent_pid = os.getppid()

    def install(self) -> None:
        """Begin to listen. The parent is watched by a thread, so that a busy loop does not hide its end."""
        self._loop.add_signal_handler(signal.SIGTERM, self._begin)
        threading.Thread(target=self._watch_parent, name="parent-watch", daemon=True).start()

    def _begin(self) -> None:
        if not self.event.is_set():
            self.event.set()
            threading.Thread(target=_end_after_grace, name="grace", daemon=True).start()

    def _watch_parent(self) -> None:
        while os.getppid() == self._parent_pid:
            time.sleep(PARENT_CHECK_S)
        self._loop.call_soon_threadsafe(self.event.set)
        _end_after_grace()


def _end_after_grace() -> None:
    time.sleep(GRACE_S)
    os._exit(1)
