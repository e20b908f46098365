"""How a command ends: one sentence on stderr and an honest exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pmpo.errors import (
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    PmpoError,
    UnauthorizedError,
)

DONE = 0
FAILED = 1
USAGE = 2
SERVICE = 3
INTERRUPTED = 130
READER_GONE = 141
TERMINATED = 143

MEANINGS = {
    DONE: "done",
    FAILED: "the job failed or was cancelled, or a check found something wrong",
    USAGE: "wrong usage, or input that cannot be used",
    SERVICE: "a service failed or does not answer",
    INTERRUPTED: "stopped with Ctrl-C",
}

_THE_CALLERS = (
    InvalidInputError,
    UnauthorizedError,
    ForbiddenError,
    NotFoundError,
    ConflictError,
    ConfigurationError,
)


class JobError(Exception):
    """What went wrong with a job whose id is known. ``code`` is for programs, ``status`` for the shell."""

    def __init__(self, sentence: str, *, job_id: str, code: str, status: int = FAILED) -> None:
        super().__init__(sentence)
        self.job_id = job_id
        self.code = code
        self.status = status


@contextmanager
def about_job(job_id: str) -> Iterator[None]:
    """What goes wrong in the block is told with the job's id.

    Raises:
        JobError: in place of a PmpoError.
    """
    try:
        yield
    except PmpoError as error:
        raise JobError(error.message, job_id=job_id, code=error.code, status=exit_code(error)) from error


def exit_code(error: PmpoError) -> int:
    """2 for what the caller can put right, 3 for a service that failed or is not there."""
    return USAGE if isinstance(error, _THE_CALLERS) else SERVICE


def drop_output() -> None:
    """Send stdout nowhere, so that what is still buffered raises nothing when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
