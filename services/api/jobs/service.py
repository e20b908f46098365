"""What the job routes mean: check, save, then queue; tell how jobs stand; cancel."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from pmpo.contracts.estimates import EstimateView
from pmpo.contracts.jobdata import SetName
from pmpo.contracts.jobs import (
    FINAL_STATES,
    EventsPage,
    EventView,
    JobCreated,
    JobsPage,
    JobSpec,
    JobState,
    JobView,
)
from pmpo.errors import ConflictError, StoreUnavailableError
from pmpo.runs.checks import CheckedJob
from pmpo.runs.codec import encode_splits
from pmpo.runs.outcome import JobResult, read_result
from pmpo.runs.registration import with_registry_name
from pmpo.runs.terms import encode_terms
from pmpo.runtime.logs import get_logger
from services.api.jobs.checks import JobChecks
from services.api.jobs.control import JobControl
from services.api.jobs.data import JobRows, content_ids
from services.api.jobs.listing import JobFilter, jobs_page
from services.api.jobs.waiting import SharedLooks, Waiting
from services.queues import JobQueues
from services.store.admission import JobLimits
from services.store.idempotency import KeyedRequest
from services.store.records import NewJob
from services.store.store import Store

log = get_logger()
MAX_PAGE_EVENTS = 500


class JobService:
    """Jobs as the API's callers see them."""

    def __init__(self, store: Store, queues: JobQueues, checks: JobChecks, limits: JobLimits | None = None) -> None:
        """``limits``: how many jobs are taken; None: any number."""
        self.waiting = Waiting()
        self._store = store
        self._queues = queues
        self._checks = checks
        self._limits = limits
        self._control = JobControl(store)
        self._versions = SharedLooks(store.jobs.version)
        self._pulses = SharedLooks(self._pulse)
        self._rows = JobRows(store)

    async def create(self, project: str, spec: JobSpec, request: KeyedRequest | None = None) -> tuple[JobCreated, bool]:
        """Saved first, queued second: what was saved and not queued, the janitor queues.

        Returns:
            the answer, and whether it is that of an earlier request of the same key and body.

        Raises:
            InvalidInputError: the job cannot be run as it is, or its key was used for another body.
            NotFoundError: a data set that the project does not have.
            OverloadedError: as many jobs as may be are there already.
        """
        known = await self._store.remembered.find(request) if request else None
        if known is not None:
            return JobCreated.model_validate_json(known), True
        if self._limits is not None:  # before the work of checking; the script that saves has the last word
            (await self._store.jobs.counts(project)).check(self._limits)
        job = await self.prepared(project, spec)
        await self._rows.hold(project, spec, job.id)
        created = JobCreated(id=job.id, state="queued", splits=job.split_sizes, warnings=list(job.warnings))
        answer = created.model_dump_json().encode()
        known = await self._store.jobs.create(job, request, answer, limits=self._limits)
        if known is not None:  # the same request, sent twice at once
            return JobCreated.model_validate_json(known), True
        await self._enqueue(job.id, job.queue)
        return created, False

    async def prepared(self, project: str, spec: JobSpec) -> NewJob:
        """The job, checked and with all that a worker needs; nothing is saved.

        Raises:
            InvalidInputError: the job cannot be run as it is.
            NotFoundError: a data set that the project does not have.
        """
        named, warning = with_registry_name(spec)
        checked = await self._checks.check(await self._rows.fill(project, named))
        return _new_job(checked, project, await content_ids(checked.spec.dataset), warning)

    async def _enqueue(self, job_id: str, queue: str) -> None:
        try:
            await self._store.jobs.note_entry(job_id, await self._queues.put(job_id, queue))
        except StoreUnavailableError as error:
            log.warning("left_to_the_janitor", job_id=job_id, reason=error.message)

    async def estimate(self, project: str, spec: JobSpec) -> EstimateView:
        """What a job would use. Nothing is saved.

        Raises:
            InvalidInputError: the job cannot be run as it is, its budget aside.
            NotFoundError: a data set that the project does not have.
        """
        return await self._checks.estimate(await self._rows.fill(project, spec))

    async def require(self, job_id: str, project: str) -> None:
        """See that there is such a job in a project.

        Raises:
            NotFoundError: there is none, whether or not another project has one.
        """
        await self._store.jobs.require(job_id, project)

    async def page(self, project: str, wanted: JobFilter) -> JobsPage:
        """The jobs of a project that fit the filters, newest first."""
        return await jobs_page(self._store.jobs, project, wanted)

    async def get(self, job_id: str, wait_s: float) -> JobView:
        """How a job stands; waits for a change of a job that is not over.

        Raises:
            NotFoundError: there is no such job.
        """
        seen = await self._store.jobs.get(job_id)
        if wait_s <= 0 or seen.is_final:
            return seen.view

        async def has_changed() -> bool:
            version = await self._versions.at(job_id)
            return version > seen.version or not version

        await self.waiting.until(has_changed, wait_s)
        return (await self._store.jobs.get(job_id)).view

    async def events(self, job_id: str, after: int, wait_s: float) -> EventsPage:
        """Events with numbers above ``after``; waits for the first of a job that is not over.

        Raises:
            NotFoundError: there is no such job.
        """

        async def has_news() -> bool:
            state, num_events = await self._pulses.at(job_id)
            return num_events > after or state is None or state in FINAL_STATES

        await self.waiting.until(has_news, wait_s)
        return await self._page(job_id, after)

    async def cancel(self, job_id: str) -> JobView:
        """A job that nobody works on is cancelled at once, a running one by its worker, within a second or so.

        A worker that does not do so by then (it is frozen, or gone) loses its hold on the job: see ``JobControl``.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: the job is over.
        """
        return await self._control.cancel(job_id)

    async def pause(self, job_id: str) -> JobView:
        """Let a job rest. A running one finishes the call at hand first.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: the job is over, or is being cancelled.
        """
        return await self._control.pause(job_id)

    async def resume(self, job_id: str) -> JobView:
        """Let a paused job go on. One that nobody works on goes back to its queue.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: the job is over, or is being cancelled.
        """
        view, queue = await self._control.resume(job_id)
        if queue is not None:
            await self._enqueue(job_id, queue)
        return view

    async def delete(self, job_id: str) -> None:
        """Delete a job that is over, with all that belongs to it.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: the job is not over.
        """
        await self._store.disposal.delete(job_id)

    async def result(self, job_id: str) -> JobResult:
        """What a finished job found.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: there is no result (yet); says why.
        """
        record = await self._store.jobs.get(job_id)
        found = await self._store.jobs.result(job_id)
        if record.state == "succeeded" and found is not None:
            return read_result(record.view.kind, found)
        if record.view.failure is not None and record.is_final:
            raise ConflictError(f"job {job_id} failed and has no result: {record.view.failure.message}")
        waiting = f"wait for it with GET /v1/jobs/{job_id}?wait=30 or `pmpo watch {job_id}`"
        remedy = "submit it again" if record.is_final else waiting
        raise ConflictError(f"job {job_id} is {record.state} and has no result; {remedy}")

    async def _pulse(self, job_id: str) -> tuple[JobState | None, int]:
        return (await self._store.journal.pulses([job_id]))[0]

    async def _page(self, job_id: str, after: int) -> EventsPage:
        """The state is read before the events, so that a final state means that no event is missing."""
        state = await self._store.jobs.state(job_id)
        found = await self._store.journal.events(job_id, after=after, limit=MAX_PAGE_EVENTS)
        events = [EventView.model_validate_json(event) for event in found]
        return EventsPage(events=events, last=events[-1].number if events else after, state=state)


def _new_job(checked: CheckedJob, project: str, datasets: Mapping[SetName, str], warning: str) -> NewJob:
    spec = checked.spec
    return NewJob(
        id=secrets.token_hex(10),
        name=spec.name,
        kind=spec.kind,
        queue=spec.queue,
        spec=spec.model_dump_json().encode(),
        splits=encode_splits(checked.splits),
        terms=encode_terms(checked.terms),
        split_sizes=checked.sizes,
        warnings=[*checked.warnings, *filter(None, [warning])],
        prompt=spec.prompt,
        project=project,
        webhook=spec.webhook or "",
        datasets=datasets,
    )
