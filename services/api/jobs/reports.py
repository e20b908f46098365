"""What the report routes mean: the story of a job, made from its saved events, however far it has come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pmpo.contracts.candidates import CandidatesPage
from pmpo.contracts.jobs import JobSpec, JobView, ModelView, ResultView
from pmpo.contracts.reports import ReportView
from pmpo.errors import ConflictError
from pmpo.optim.events import Event
from pmpo.optim.types import Splits
from pmpo.runs.codec import decode_event, decode_spec, decode_splits
from pmpo.runs.report.build import refuse_without_candidates, report_view
from pmpo.runs.report.candidates import Page, candidates_page
from pmpo.runs.rivals import scored_by
from services.store.store import Store

PAGE_EVENTS = 500


@dataclass(frozen=True, slots=True)
class _Saved:
    """What is saved of a job, still as bytes where it is large."""

    view: JobView
    spec: bytes
    splits: bytes
    events: list[bytes]

    def decoded(self) -> tuple[JobSpec, Splits, list[Event]]:
        """Raises JournalMismatchError: another version of the program wrote them."""
        events = [decode_event(event) for event in self.events]
        return decode_spec(self.spec), decode_splits(self.splits), events


class ReportService:
    """Reports and candidates of jobs. They are made in a thread: decoding and comparing texts takes a moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def report(self, job_id: str, *, with_losses: bool) -> ReportView:
        """All that the job has told.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: the job compares no prompts, or its events are gone.
        """
        saved = await self._saved(job_id)
        result = await self._store.jobs.result(job_id)
        return await asyncio.to_thread(_report, saved, result, with_losses=with_losses)

    async def candidates(self, job_id: str, page: Page) -> CandidatesPage:
        """Some of the job's candidates.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: the job compares no prompts, or its events are gone.
        """
        return await asyncio.to_thread(_candidates, await self._saved(job_id), page)

    async def _saved(self, job_id: str) -> _Saved:
        """The state is read before the events, so that a final state means that no event is missing."""
        record = await self._store.jobs.get(job_id)
        refuse_without_candidates(record.view)
        if record.has_lost_events:
            raise ConflictError(
                f"the events of job {job_id}, which a report is made from, were cleared away some days after its end "
                "(PMPO_RETENTION_EVENTS_DAYS); what it found is still there, "
                f"with GET /v1/jobs/{job_id}/result or `pmpo result {job_id}`"
            )
        spec, splits = await self._store.jobs.spec(job_id), await self._store.jobs.splits(job_id)
        events: list[bytes] = []
        while found := await self._store.journal.events(job_id, after=len(events), limit=PAGE_EVENTS):
            events += found
        return _Saved(record.view, spec, splits, events)


def _report(saved: _Saved, result: bytes | None, *, with_losses: bool) -> ReportView:
    job, splits, events = saved.decoded()
    return report_view(job, saved.view, splits, events, model=_model_in(result), with_losses=with_losses)


def _candidates(saved: _Saved, page: Page) -> CandidatesPage:
    job, splits, events = saved.decoded()
    return candidates_page(events, splits, scored_by(job), saved.view.state, page)


def _model_in(result: bytes | None) -> ModelView | None:
    return None if result is None else ResultView.model_validate_json(result).model
