"""The duty to requeue: jobs saved and not queued, jobs that wait, jobs whose worker vanished. Nobody else requeues."""

from __future__ import annotations

import time
from collections.abc import Set

from pmpo.errors import ConflictError, NotFoundError
from pmpo.runtime.logs import get_logger
from services.queues import JobQueues
from services.store.records import JobRecord
from services.store.store import Store
from services.worker.endings import WORKER_VANISHED, Cancelled, after_setback, move_after

log = get_logger()
SAVED_FOR_S = 2.0


class Requeuing:
    """Looks at every job that is not over."""

    name = "requeue"
    interval_s = 0.0

    def __init__(self, store: Store, queues: JobQueues) -> None:
        self._store = store
        self._queues = queues

    async def perform(self) -> None:
        """Look at every job once."""
        waiting = await self._queues.waiting()
        for record in await self._store.jobs.active():
            try:
                await self._look_at(record, waiting)
            except (ConflictError, NotFoundError):
                continue  # it moved on while we looked

    async def _look_at(self, record: JobRecord, waiting: Set[str]) -> None:
        if record.state in ("running", "cancelling"):
            await self._reap(record)
        elif record.state == "queued" and await self._is_stranded(record, waiting):
            await self._requeue(record)

    async def _reap(self, record: JobRecord) -> None:
        """Take a job from a worker that vanished; the script refuses while the lease lives."""
        if record.state == "cancelling":
            move = move_after(Cancelled(), record.state, record, 0)
        else:
            num_answers = await self._store.journal.num_answers(record.id)
            move = after_setback(record, num_answers, WORKER_VANISHED, backs_off=False)
        await self._store.jobs.move(record.id, [record.state], move.target, only_unheld=True, changes=move.changes)
        log.warning("worker_vanished", job_id=record.id, state=move.target)
        if move.target == "queued":
            await self._requeue(record)

    async def _is_stranded(self, record: JobRecord, waiting: Set[str]) -> bool:
        if record.not_before > time.time():
            return False
        if not record.enqueued_id:
            return (
                record.not_before > 0 or record.view.attempts > 0 or time.time() - record.view.updated_at > SAVED_FOR_S
            )
        return record.enqueued_id not in waiting and await self._queues.is_gone(record.enqueued_id)

    async def _requeue(self, record: JobRecord) -> None:
        entry_id = await self._queues.put(record.id, record.queue)
        await self._store.jobs.note_entry(record.id, entry_id)
        log.info("job_requeued", job_id=record.id, entry_id=entry_id)
