"""One stack for each state dir: two Redis servers on one append-only file would lose each other's jobs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pmpo.errors import ConfigurationError

FILE_NAME = "stack.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a state dir for this process. The lock ends with the process, even by SIGKILL; children do not inherit it.

    Raises:
        ConfigurationError: another stack holds it, or it cannot be written to.
    """
    try:
        lock = (folder / FILE_NAME).open("a+", encoding="utf-8")  # close-on-exec: no child keeps the lock
    except OSError as error:
        raise ConfigurationError(
            f"the state dir {folder} cannot be written to ({error.strerror}); choose another --state-dir"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"the state dir {folder} is in use by another stack (pid {_pid_in(folder)}); "
                "stop it or choose another --state-dir"
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"the state dir {folder} cannot be locked ({error.strerror}); choose another --state-dir"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _pid_in(folder: Path) -> str:
    """Who holds the lock; it may have taken it a moment ago and not have written yet."""
    return (folder / FILE_NAME).read_text(encoding="utf-8").strip() or "unknown"
