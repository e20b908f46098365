"""What shells do to complete a word of a ``pmpo`` command."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.integration.conftest import clean_environment

PROGRAM = "import sys; sys.argv[0] = 'pmpo'; from pmpo.cli.main import run; run()"
LIMIT_S = 60.0  # for a shell to do what is asked of it; generous, so that a hang is a failure and not a stop


def asked_by_bash(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The program as bash's completion script calls it, for the last of ``words``, which follow ``pmpo``."""
    line = "\n".join(("pmpo", *words))
    return _run(_PMPO_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words)), **settings)


def asked_by_zsh(line: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The same for zsh, with the line up to the cursor. What it prints, zsh evaluates."""
    return _run(_PMPO_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=line, **settings)


def asked_by_fish(line: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The same for fish."""
    action = {"_PMPO_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return _run(**action, _TYPER_COMPLETE_ARGS=line, **settings)


def offered(*words: str, **settings: str) -> list[str]:
    """What bash is offered, when all goes well: an error of any kind fails the test."""
    done = asked_by_bash(*words, **settings)
    assert (done.returncode, done.stderr) == (0, ""), words
    return done.stdout.split()


def _run(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


class Terminal:
    """An interactive bash on a terminal of its own, in ``folder``, that reads only its ``~/.bashrc``."""

    def __init__(self, folder: Path, **settings: str) -> None:
        here, there = os.openpty()
        termios.tcsetwinsize(there, (24, 200))  # no line of a test is broken
        self._terminal = here
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "-i"],
            stdin=there,
            stdout=there,
            stderr=there,
            cwd=folder,
            env=clean_environment(TERM="dumb", PS1="$ ", INPUTRC=os.devnull, **settings),
            start_new_session=True,
        )
        os.close(there)

    def type(self, keys: str) -> None:
        """Press ``keys``."""
        os.write(self._terminal, keys.encode())

    def wait_for(self, text: str) -> None:
        """Read what the terminal shows until ``text`` is among it: what is typed, and what completes it."""
        shown = ""
        deadline = time.monotonic() + LIMIT_S
        while text not in shown:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} did not come; the terminal showed {shown!r}"
            shown += os.read(self._terminal, 4096).decode(errors="replace")

    def close(self) -> None:
        """End the shell."""
        self._shell.kill()
        self._shell.wait()
        os.close(self._terminal)
