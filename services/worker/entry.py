"""What a worker makes of an entry in its queue: a call of ``run_job``, or nothing.

RQ would import and call whatever name an entry holds, as its task or as a callback, and post to whatever address:
whoever can write to Redis could run code in the workers. Here the one name that we enqueue is the one that is called.
"""

from __future__ import annotations

from typing import Any

from rq.job import Job, JobStatus

from pmpo.errors import InvalidInputError
from services.queues import TASK


class Entry(Job):
    """An entry that runs one task; it has no callbacks and posts nothing."""

    def perform(self) -> Any:
        """Run the job whose id the entry holds.

        Raises:
            InvalidInputError: it names another task, or holds something else than one id.
        """
        arguments = self.args
        if self.func_name != TASK or len(arguments) != 1 or not isinstance(arguments[0], str) or self.kwargs:
            raise InvalidInputError(f"queue entry {self.id!r} is no call of {TASK} and is not run")
        return super().perform()

    def execute_success_callback(self, *_arguments: Any) -> None:
        """Nothing."""

    def execute_failure_callback(self, *_arguments: Any) -> None:
        """Nothing."""

    def execute_stopped_callback(self, *_arguments: Any) -> None:
        """Nothing."""

    def send_webhooks(self, status: str | JobStatus, *, exc_string: str | None = None) -> None:
        """Nothing."""
