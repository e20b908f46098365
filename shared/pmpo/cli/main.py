"""The ``pmpo`` command: how it starts and ends. What takes time to import is imported where Ctrl-C is heeded."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn, TextIO

from pmpo.cli.exits import (
    FAILED,
    INTERRUPTED,
    READER_GONE,
    SERVICE,
    TERMINATED,
    JobError,
    drop_output,
    exit_code,
)
from pmpo.errors import PmpoError

_OUTPUT_FAULTS = frozenset({errno.ENOSPC, errno.EIO})


def run() -> NoReturn:
    """The console script: the process ends with the command's exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code (see ``pmpo.cli.exits``). What went wrong is one sentence on stderr."""
    try:
        status = _run_command(arguments, as_json="--json" in arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return READER_GONE
    except OSError as error:
        return _refuse_output(error)
    except KeyboardInterrupt:  # a second time, while the first was told
        return INTERRUPTED
    return status


def _run_command(arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        from pmpo.cli.commands import call

        status = call(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except KeyboardInterrupt:
        status = INTERRUPTED
    except JobError as error:
        return _end(str(error), error.code, error.status, as_json=as_json, job_id=error.job_id)
    except PmpoError as error:
        return _end(error.message, error.code, exit_code(error), as_json=as_json)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OUTPUT_FAULTS:
            raise
        traceback.print_exc()
        return _end("pmpo itself failed; please report it with the lines above", "internal", SERVICE, as_json=as_json)
    return _end("stopped", "interrupted", INTERRUPTED, as_json=as_json) if status == INTERRUPTED else status


def _refuse_output(error: OSError) -> int:
    """Say that stdout takes nothing; a program that reads it learns from the exit code."""
    drop_output()
    sys.stderr.write(f"pmpo: the output cannot be written: {error.strerror}\n")
    return SERVICE


def _end(sentence: str, code: str, status: int, *, as_json: bool, job_id: str | None = None) -> int:
    """Say what went wrong, on stderr for people and as the one JSON object for programs; ``status`` for the shell."""
    from pmpo.cli.console import print_json, shown

    if as_json:
        print_json({"error": {"code": code, "message": sentence}, "job_id": job_id})
    sys.stderr.write(f"pmpo: {shown(sentence)}\n")
    return status


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM unwinds like an exception, so that a stack that was started is stopped."""
    sys.exit(TERMINATED)


def _open_what_is_closed() -> None:
    """A standard stream that the caller closed leads nowhere; else the next file or socket would take its place."""
    if sys.stdin is None:
        sys.stdin = _nowhere(0, "r")
    if sys.stdout is None:
        sys.stdout = _nowhere(1, "w")
    if sys.stderr is None:
        sys.stderr = _nowhere(2, "w")


def _nowhere(descriptor: int, mode: str) -> TextIO:
    opened = os.open(os.devnull, os.O_RDWR)
    os.dup2(opened, descriptor)
    if opened == descriptor:
        os.set_inheritable(descriptor, True)
    else:
        os.close(opened)
    return open(descriptor, mode, encoding="utf-8")  # type: ignore[return-value]
