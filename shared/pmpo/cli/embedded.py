"""The embedded stack as a child process: Redis, scorer, API and worker, for as long as a command runs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pmpo.client.local.installed import require_server
from pmpo.errors import ConfigurationError, PmpoError, UnavailableError

STOP_TIMEOUT_S = 20.0
LOG_TIMEOUT_S = 5.0
_SETTING = re.compile(r"\bPMPO_[A-Z]|(?<!\S)--[a-z]|\bthe (model|tokenizer) ")


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

    def __init__(self, process: subprocess.Popen[str], addresses: StackAddresses, log: _Log) -> None:
        self._process = process
        self._log = log
        self.addresses = addresses

    def wait(self) -> int:
        """Block until the stack ended by itself and its last line was passed on; its exit status."""
        status = self._process.wait()
        self._log.last_line()
        return status


@contextmanager
def running_stack(options: StackOptions, *, shows_log: bool = False) -> Iterator[Stack]:
    """A stack that is ready, stopped again at the end whatever happens.

    Args:
        options: ports, model, state and workers.
        shows_log: whether the stack's own lines go to stderr once it is ready; until then they are kept for the error.

    Raises:
        ConfigurationError: pmpo-server is not installed, or a setting stopped the start.
        UnavailableError: the stack did not come up for another reason. The message is its own last sentence.
    """
    require_server()
    process = _start(options.arguments())
    try:
        log = _Log(process)
        addresses = _ready(process, log)
        log.is_shown = shows_log
        yield Stack(process, addresses, log)
    finally:
        _stop(process)


def find_examples() -> Path:
    """The folder of the bundled jobs, which the services know; none of them is started.

    Raises:
        ConfigurationError: pmpo-server is not installed, or not whole.
    """
    require_server()
    program = "from services.bundled import examples_dir; print(examples_dir())"
    asked = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)  # noqa: S603 (our own program)
    if asked.returncode:
        raise ConfigurationError(
            asked.stderr.strip().rpartition("\n")[2].removeprefix("pmpo.errors.ConfigurationError: ")
        )
    return Path(asked.stdout.strip())


class _Log:
    """What the stack says on stderr: its last line is kept, and all are passed on while ``is_shown``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self.is_shown = False
        self._last = ""
        self._stream = process.stderr
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def last_line(self) -> str:
        """The last line of a stack that has ended; empty when it said nothing."""
        self._reader.join(LOG_TIMEOUT_S)
        return self._last

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self._last = line.strip() or self._last
                if self.is_shown:
                    with contextlib.suppress(OSError):  # the stack must not block on a pipe that nobody empties
                        sys.stderr.write(line)


def _start(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """A session of its own: Ctrl-C reaches the command alone, which then stops the stack in good order."""
    return subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-P", "-m", "services.stack", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _ready(process: subprocess.Popen[str], log: _Log) -> StackAddresses:
    """Wait for the ready line, then keep reading, so that the stack never blocks on a full pipe."""
    stdout = process.stdout
    assert stdout is not None
    for line in stdout:
        if line.startswith("{"):
            threading.Thread(target=stdout.read, daemon=True).start()
            return StackAddresses.read(line)
    process.wait()
    raise _start_error(log.last_line() or f"the stack ended with status {process.returncode} before it was ready")


def _start_error(sentence: str) -> PmpoError:
    """The stack's sentence, in the class that it tells of: those about a setting name it, or the model."""
    return (ConfigurationError if _SETTING.search(sentence) else UnavailableError)(sentence)


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
