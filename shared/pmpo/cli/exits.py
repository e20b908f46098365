"""How a command ends: one sentence on stderr and an honest exit code."""

from __future__ import annotations

from pmpo.errors import ConfigurationError, ConflictError, InvalidInputError, NotFoundError, PmpoError

DONE = 0
FAILED = 1
USAGE = 2
SERVICE = 3
INTERRUPTED = 130
TERMINATED = 143

MEANINGS = {
    DONE: "done",
    FAILED: "the job failed or was cancelled",
    USAGE: "wrong usage, or input that cannot be used",
    SERVICE: "a service failed or does not answer",
    INTERRUPTED: "stopped with Ctrl-C",
}

_THE_CALLERS = (InvalidInputError, NotFoundError, ConflictError, ConfigurationError)


class JobFailedError(Exception):
    """A job that a command waited for failed. ``code`` is the failure's own, for programs."""

    def __init__(self, sentence: str, *, job_id: str, code: str) -> None:
        super().__init__(sentence)
        self.job_id = job_id
        self.code = code


def exit_code(error: PmpoError) -> int:
    """2 for what the caller can put right, 3 for a service that failed or is not there."""
    return USAGE if isinstance(error, _THE_CALLERS) else SERVICE
