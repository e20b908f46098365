"""One run of one job: take the lease, drive the search, save everything, end in one of the ways of ``endings``."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pmpo.contracts.jobs import JobState
from pmpo.errors import ConflictError, LeaseLostError, NotFoundError, StoreUnavailableError
from pmpo.runs.registration import Registration
from pmpo.runtime.logs import get_logger
from services.store.leases import Lease
from services.store.prompts import NewEntry
from services.store.records import JobRecord
from services.store.store import Store
from services.worker.endings import Cancelled, Ending, Failed, Interrupted, Move, Succeeded, move_after
from services.worker.gate import Gate, LetGoError
from services.worker.hold import Hold
from services.worker.watch import watch_state

log = get_logger()
CAN_START: tuple[JobState, ...] = ("queued", "running", "cancelling")


class Driver(Protocol):
    """What drives the search of a job whose lease is held."""

    async def drive(self, record: JobRecord, hold: Hold, gate: Gate) -> Succeeded:
        """Search from the start or from the journal, saving every answer and event, until the end.

        Raises:
            LetGoError: the gate closed between two calls.
        """
        ...


class Runner:
    """Runs jobs under leases. One runner works on one job at a time."""

    def __init__(
        self, store: Store, driver: Driver, *, holder: str, lease_s: float, drain: asyncio.Event, drain_s: float
    ) -> None:
        """``drain``: set when this process should let go of its job and end; ``drain_s``: time for the call at hand."""
        self._store = store
        self._driver = driver
        self._holder = holder
        self._lease_s = lease_s
        self._drain = drain
        self._drain_s = drain_s

    async def run(self, job_id: str) -> None:
        """Run a job, or leave it alone when somebody else holds it or nothing is left to do."""
        if await self._store.jobs.version(job_id) == 0:
            log.info("job_is_gone", job_id=job_id)  # deleted while its entry waited
            return
        lease = await self._store.leases.try_acquire(job_id, self._holder)
        if lease is None:
            log.info("job_is_held", job_id=job_id)
            return
        try:
            record = await self._try_start(lease)
            if record is not None:
                hold = Hold(self._store, lease, self._lease_s)
                ending = await self._supervise(record, hold)
                await self._finish(record, hold, ending)
        except LeaseLostError as error:
            log.warning("lease_lost", job_id=job_id, token=lease.token, reason=error.message)
        except NotFoundError:
            log.info("job_is_gone", job_id=job_id)
        finally:
            await self._let_go(lease)

    async def _try_start(self, lease: Lease) -> JobRecord | None:
        """The job, now running; None when it is over. A job that is being cancelled stays so: its watcher ends it."""
        record = await self._store.jobs.get(lease.job_id)
        if record.state not in CAN_START:
            return None
        target: JobState = "cancelling" if record.state == "cancelling" else "running"
        changes: dict[str, str | bytes | float] = {"attempts": record.view.attempts + 1, "failure": ""}
        try:
            await self._store.jobs.move(lease.job_id, [record.state], target, lease=lease, changes=changes)
        except LeaseLostError:
            raise
        except ConflictError:
            return await self._try_start(lease)
        log.info("job_started", job_id=lease.job_id, attempt=record.view.attempts + 1, token=lease.token)
        return record

    async def _supervise(self, record: JobRecord, hold: Hold) -> Ending:
        """Search until the end, a pause, a cancel, a drain or the loss of the lease, whichever comes first."""
        gate = Gate()
        search = asyncio.create_task(self._driver.drive(record, hold, gate))
        keeping = asyncio.create_task(hold.keep())
        cancelled = asyncio.create_task(watch_state(self._store, record.id, gate))
        draining = asyncio.create_task(self._drained(gate))
        tasks = (search, keeping, cancelled, draining)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            decided = [task.done() for task in tasks]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if decided[0]:
            return _ending_of(search, record.id)
        if decided[1]:
            keeping.result()
        return Cancelled() if decided[2] else Interrupted()

    async def _drained(self, gate: Gate) -> None:
        """Return when this process must end: some seconds for the call at hand after it was asked to."""
        await self._drain.wait()
        gate.drain()
        await asyncio.sleep(self._drain_s)

    async def _finish(self, record: JobRecord, hold: Hold, ending: Ending) -> None:
        """Write the end and let go of the lease in one step; look again when the job was moved meanwhile."""
        num_answers = await hold.through_outages(lambda: self._store.journal.num_answers(record.id))
        while True:
            state = await hold.through_outages(lambda: self._store.jobs.state(record.id))
            try:
                await self._move(state, move_after(ending, state, record, num_answers), hold, record.project)
                return
            except LeaseLostError:
                raise
            except ConflictError:
                continue

    async def _move(self, origin: JobState, move: Move, hold: Hold, project: str) -> None:
        job_id = hold.lease.job_id
        new = move.registration
        also = None if new is None else self._store.prompts.registering(project, _entry(new), job_id)
        await hold.through_outages(
            lambda: self._store.jobs.move(
                job_id, [origin], move.target, lease=hold.lease, drops_lease=True, changes=move.changes, also=also
            )
        )
        log.info("job_ended", job_id=job_id, state=move.target, token=hold.lease.token)

    async def _let_go(self, lease: Lease) -> None:
        try:
            await self._store.leases.release(lease)
        except StoreUnavailableError as error:
            log.warning("lease_not_released", job_id=lease.job_id, reason=error.message)


def _entry(new: Registration) -> NewEntry:
    """A winner for the registry: no label moves unless the verdict is ``confirmed``."""
    lineage = new.content.lineage
    test = lineage.test if lineage else None
    return NewEntry(
        name=new.name,
        entry=new.content.model_dump_json().encode(),
        text_digest=new.content.sha256,
        seed_digest=new.seed_sha256,
        labels=new.labels,
        kind="automatic",
        measured=None if lineage is None or test is None else (lineage.measured_on, test.loss_after),
    )


def _ending_of(search: asyncio.Task[Succeeded], job_id: str) -> Ending:
    error = search.exception()
    if error is None:
        return search.result()
    if isinstance(error, LeaseLostError):
        raise error
    if isinstance(error, LetGoError):
        return Interrupted()
    failed = Failed.of(error)
    log.error("run_failed", job_id=job_id, code=failed.failure.code, reason=failed.failure.message, exc_info=error)
    return failed
