"""The routes of jobs: what comes in and goes out; what it means is in ``service``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from pmpo.contracts.candidates import MAX_PAGE_CANDIDATES, CandidatesPage, Fate
from pmpo.contracts.estimates import EstimateView
from pmpo.contracts.jobs import EventsPage, JobCreated, JobsPage, JobSpec, JobView
from pmpo.contracts.reports import ReportView
from pmpo.runs.outcome import JobResult
from pmpo.runs.report.candidates import Page
from services.api.callers import Reader, Submitter
from services.api.deps import Reports, Service, Streams
from services.api.events import frames
from services.api.events.streams import EventStream
from services.api.idempotency import REPLAYED, KeyOfRequest
from services.api.jobs.listing import WantedJobs
from services.api.jobs.owned import ChangeableJob, ReadableJob

MAX_WAIT_S = 60
Wait = Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="seconds to wait for a change")]
After = Annotated[int, Query(ge=0, le=2**53, description="leave out what has numbers up to this")]
LastEventId = Annotated[int | None, Header(ge=0, le=2**53, description="for a stream, in place of `after`")]
WithLosses = Annotated[bool, Query(description="with the losses of each candidate row by row")]
router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post("", status_code=201)
async def create_job(
    spec: JobSpec, caller: Submitter, keyed: KeyOfRequest, service: Service, response: Response
) -> JobCreated:
    """Check a job, save it and queue it; a request that is sent again under its key gets its first answer."""
    created, is_replayed = await service.create(caller.project, spec, keyed.request(spec))
    response.headers["location"] = f"/v1/jobs/{created.id}"
    if is_replayed:
        response.headers[REPLAYED] = "true"
    return created


@router.post("/estimate")
async def estimate_job(spec: JobSpec, caller: Reader, service: Service) -> EstimateView:
    """What a job would use, without running it."""
    return await service.estimate(caller.project, spec)


@router.get("")
async def list_jobs(caller: Reader, service: Service, wanted: WantedJobs) -> JobsPage:
    """The jobs of the caller's project that fit the filters, newest first, in pages."""
    return await service.page(caller.project, wanted)


@router.get("/{job_id}")
async def get_job(job_id: ReadableJob, service: Service, wait: Wait = 0) -> JobView:
    """How a job stands; with ``wait``, as soon as that changed."""
    return await service.get(job_id, wait)


@router.delete("/{job_id}", status_code=204)
async def delete_job(job_id: ChangeableJob, service: Service) -> None:
    """Delete a job that is over: its spec, its data, its journal, its events and its result."""
    await service.delete(job_id)


@router.post("/{job_id}/cancel", status_code=202)
async def cancel_job(job_id: ChangeableJob, service: Service) -> JobView:
    """Ask a job to stop."""
    return await service.cancel(job_id)


@router.post("/{job_id}/pause", status_code=202)
async def pause_job(job_id: ChangeableJob, service: Service) -> JobView:
    """Let a job rest after the call at hand."""
    return await service.pause(job_id)


@router.post("/{job_id}/resume", status_code=202)
async def resume_job(job_id: ChangeableJob, service: Service) -> JobView:
    """Let a paused job go on where it stopped."""
    return await service.resume(job_id)


@router.get(
    "/{job_id}/events", response_model=EventsPage, responses={200: {"content": {frames.MEDIA_TYPE: {"schema": {}}}}}
)
async def list_events(
    job_id: ReadableJob,
    service: Service,
    streams: Streams,
    after: After = 0,
    wait: Wait = 0,
    *,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: LastEventId = None,
) -> EventsPage | EventStream:
    """Events with numbers above ``after``; with ``wait``, as soon as there is one or the job is over.

    With ``Accept: text/event-stream``: as server-sent events until the job is over.
    """
    if frames.MEDIA_TYPE in accept.lower():
        return streams.response(job_id, after if last_event_id is None else last_event_id)
    return await service.events(job_id, after, wait)


@router.get("/{job_id}/result")
async def get_result(job_id: ReadableJob, service: Service) -> JobResult:
    """What a finished job found."""
    return await service.result(job_id)


@router.get("/{job_id}/report")
async def get_report(job_id: ReadableJob, reports: Reports, losses: WithLosses = False) -> ReportView:
    """All that a job has told, finished or not: outcome, candidates, lineage, importances of units."""
    return await reports.report(job_id, with_losses=losses)


@router.get("/{job_id}/candidates")
async def list_candidates(
    job_id: ReadableJob,
    reports: Reports,
    *,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_CANDIDATES)] = 100,
    fate: Fate | None = None,
    losses: WithLosses = False,
) -> CandidatesPage:
    """Every prompt that a job tried or refused, with its losses and its fate, in pages."""
    return await reports.candidates(job_id, Page(after, limit, fate, losses))
