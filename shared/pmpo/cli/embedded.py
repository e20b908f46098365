"""The embedded stack as a child process: Redis, scorer, API and worker, for as long as a command runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from pmpo.errors import ConfigurationError, UnavailableError

STOP_TIMEOUT_S = 20.0
HOW_TO_INSTALL = 'install it with `pip install ./shared ".[scorer]"` in the project\'s folder'


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What ``pmpo up`` and its kin may choose. Ports: 0 takes a free one, None leaves it to the settings."""

    api_port: int | None = 0
    scorer_port: int | None = 0
    model: str | None = None
    state_dir: Path | None = None
    num_workers: int | None = None

    def arguments(self) -> list[str]:
        """The command line of ``services.stack``."""
        named = {
            "--api-port": self.api_port,
            "--scorer-port": self.scorer_port,
            "--model": self.model,
            "--state-dir": self.state_dir,
            "--workers": self.num_workers,
        }
        return [part for name, value in named.items() if value is not None for part in (name, str(value))]


@dataclass(frozen=True, slots=True)
class StackAddresses:
    """Where a running stack answers."""

    api: str
    scorer: str
    dashboard: str
    examples: Path
    logs: Path | None = None

    @classmethod
    def read(cls, line: str) -> StackAddresses:
        """From the line that the stack prints when it is ready."""
        ready = json.loads(line)
        logs = Path(ready["logs"]) if ready.get("logs") else None
        return cls(ready["api"], ready["scorer"], ready["dashboard"], Path(ready["examples"]), logs)


class Stack:
    """A running stack."""

    def __init__(self, process: subprocess.Popen[str], addresses: StackAddresses) -> None:
        self._process = process
        self.addresses = addresses

    def wait(self) -> int:
        """Block until the stack ends by itself; its exit status."""
        return self._process.wait()


@contextmanager
def running_stack(options: StackOptions, *, shows_log: bool = False) -> Iterator[Stack]:
    """A stack that is ready, stopped again at the end whatever happens.

    Args:
        options: ports, model, state and workers.
        shows_log: whether the services' own lines go to stderr; otherwise they are kept for the error message.

    Raises:
        ConfigurationError: pmpo-server is not installed.
        UnavailableError: the stack did not come up; the message is its own last sentence.
    """
    require_server()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = _start(options.arguments(), None if shows_log else log)
        try:
            yield Stack(process, _ready(process, log))
        finally:
            _stop(process)


def require_server() -> None:
    """Raises: ConfigurationError: this installation cannot start services."""
    for module, what in (("services.stack", "pmpo-server"), ("torch", "pmpo-server's extra `scorer`")):
        try:
            is_there = find_spec(module) is not None
        except ModuleNotFoundError:
            is_there = False
        if not is_there:
            raise ConfigurationError(f"the services need {what}, which is not installed; {HOW_TO_INSTALL}")


def _start(arguments: Sequence[str], log: IO[str] | None) -> subprocess.Popen[str]:
    """A session of its own: Ctrl-C reaches the command alone, which then stops the stack in good order."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "services.stack", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
        text=True,
        start_new_session=True,
    )


def _ready(process: subprocess.Popen[str], log: IO[str]) -> StackAddresses:
    """Wait for the ready line, then keep reading, so that the stack never blocks on a full pipe."""
    stdout = process.stdout
    assert stdout is not None
    for line in stdout:
        if line.startswith("{"):
            threading.Thread(target=stdout.read, daemon=True).start()
            return StackAddresses.read(line)
    process.wait()
    raise UnavailableError(
        _last_sentence(log) or f"the stack ended with status {process.returncode} before it was ready"
    )


def _last_sentence(log: IO[str]) -> str:
    log.seek(0)
    lines = [line.strip() for line in log if line.strip()]
    return lines[-1] if lines else ""


def _stop(process: subprocess.Popen[str]) -> None:
    """Ask, wait, and only then insist."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
