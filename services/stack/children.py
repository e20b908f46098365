"""A child process: it dies with its parent, and what it says goes to a file."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_TAIL_BYTES = 4_096


class Child:
    """One process of the stack; ``start`` may be called again after it died."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_file: Path,
        kill_after_s: float = 8.0,
    ) -> None:
        """``kill_after_s``: how long it may take to stop before it is forced to."""
        self.name = name
        self.log_file = log_file
        self.num_starts = 0
        self._command = list(command)
        self._environment = dict(environment)
        self._kill_after_s = kill_after_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the last start."""
        return self._started().pid

    def start(self) -> None:
        """Start the process in a session of its own: a Ctrl-C reaches the stack alone, which stops it in order."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own programs)
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_dying_with_parent(),  # noqa: PLW1509 (this process has one thread)
            )
        self.num_starts += 1

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._started().poll()

    def ask_to_stop(self) -> None:
        """Send SIGTERM, unless it is gone already or never began."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_stopped(self) -> None:
        """Wait for the end, force it in the end, and leave nothing of its session behind."""
        if self._process is None:
            return
        try:
            self._process.wait(self._kill_after_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in _session_members(self._process.pid):
            _kill(pid)

    def last_line(self) -> str:
        """The last thing it said."""
        try:
            lines = self.log_file.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").splitlines()
        except OSError:
            lines = []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def _started(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was not started"
        return self._process


def python_child(module: str, name: str, environment: Mapping[str, str], folder: Path, kill_after_s: float) -> Child:
    """A child that runs one of our modules, whatever folder it is started in."""
    return Child(name, [sys.executable, "-P", "-m", module], environment, folder / f"{name}.log", kill_after_s)


def _dying_with_parent() -> Callable[[], None] | None:
    """Run in the child before its program: Linux kills it when the stack dies, even by SIGKILL."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask


def _session_members(session: int) -> list[int]:
    """Processes that a child left behind, a worker's horse for example; Linux only."""
    members = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile
        if int(fields[3]) == session:
            members.append(int(entry.parent.name))
    return members


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
