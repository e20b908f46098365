"""Cancel, pause and resume: moves from outside of a job that a worker may hold at that very moment."""

from __future__ import annotations

from contextlib import suppress

from pmpo.contracts.jobs import FINAL_STATES, JobView
from pmpo.errors import ConflictError
from services.api.jobs.waiting import Waiting
from services.store.records import JobRecord
from services.store.store import Store

WORKER_CANCELS_WITHIN_S = 1.4
WAITING: dict[str, str | bytes | float] = {"enqueued_id": "", "not_before": 0.0}
CANCELLED = {"stop_reason": "cancelled", "failure": ""}


class JobControl:
    """Every move is compare-and-set: a job that moved on between a look and a move is looked at again."""

    def __init__(self, store: Store) -> None:
        self._jobs = store.jobs

    async def cancel(self, job_id: str) -> JobView:
        """Cancel a job; a worker that holds it gets ``WORKER_CANCELS_WITHIN_S`` to do it itself.

        After that its hold is taken from it, so that all it may still write is refused.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: the job is over.
        """
        record = await self._jobs.get(job_id)
        if record.is_final:
            raise ConflictError(f"job {job_id} is {record.state} already, so it cannot be cancelled")
        while not await self._is_asked_to_cancel(record):
            record = await self._jobs.get(job_id)

        async def is_over() -> bool:
            return await self._jobs.state(job_id) in FINAL_STATES

        await Waiting().until(is_over, WORKER_CANCELS_WITHIN_S)
        with suppress(ConflictError):  # it is over
            await self._jobs.move(job_id, ["cancelling"], "cancelled", drops_lease=True, changes=CANCELLED)
        return (await self._jobs.get(job_id)).view

    async def pause(self, job_id: str) -> JobView:
        """Pause a job; its worker, if it has one, lets go of it after the call at hand.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: the job is over, or is being cancelled.
        """
        while (record := await self._jobs.get(job_id)).state != "paused":
            _refuse_ended(record, "paused")
            with suppress(ConflictError):
                await self._jobs.move(job_id, [record.state], "paused")
        return record.view

    async def resume(self, job_id: str) -> tuple[JobView, str | None]:
        """Let a paused job go on, in the hands of the worker that has not let go of it yet, else in its queue.

        Returns:
            the job, and the queue that its id must be put into now, if any.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: the job is over, or is being cancelled.
        """
        queue = None
        while (record := await self._jobs.get(job_id)).state == "paused":
            with suppress(ConflictError):
                await self._jobs.move(job_id, ["paused"], "queued", only_unheld=True, changes=WAITING)
                queue = record.queue
                continue
            with suppress(ConflictError):
                await self._jobs.move(job_id, ["paused"], "running", only_held=True)
        _refuse_ended(record, "resumed")
        return record.view, queue

    async def _is_asked_to_cancel(self, record: JobRecord) -> bool:
        """Whether the job is over or its worker was asked; False when it must be looked at again."""
        if record.is_final or record.state == "cancelling":
            return True
        with suppress(ConflictError):
            await self._jobs.move(record.id, [record.state], "cancelled", only_unheld=True, changes=CANCELLED)
            return True
        with suppress(ConflictError):
            await self._jobs.move(record.id, [record.state], "cancelling", only_held=True)
            return True
        return False


def _refuse_ended(record: JobRecord, wish: str) -> None:
    if record.is_final or record.state == "cancelling":
        raise ConflictError(f"job {record.id} is {record.state}, so it cannot be {wish}; submit it again")
