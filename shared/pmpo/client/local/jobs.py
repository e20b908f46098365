"""The job calls of an API, answered in this process: the same views, errors and rules, over a folder of runs."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pmpo.client.local.folder import RunsFolder, SavedRun, digest_of
from pmpo.client.local.models import LocalModels
from pmpo.client.local.run import LocalRun
from pmpo.contracts.candidates import CandidatesPage
from pmpo.contracts.estimates import EstimateView
from pmpo.contracts.interactive import AnalyzeCall, AnalyzeView, ScoreCall, ScoreView
from pmpo.contracts.jobdata import JobData, Row, SetName
from pmpo.contracts.jobs import (
    FINAL_STATES,
    EventsPage,
    EventView,
    JobCreated,
    JobsPage,
    JobSpec,
    JobView,
    ModelView,
    ResultView,
)
from pmpo.contracts.models import ModelsView
from pmpo.contracts.reports import ReportView
from pmpo.data.rows import content_id
from pmpo.errors import ConflictError, InvalidInputError
from pmpo.optim.events import Event
from pmpo.optim.types import Splits
from pmpo.runs.checks import checked_job, estimated_job
from pmpo.runs.codec import decode_event, decode_splits, encode_splits
from pmpo.runs.interactive import analyze_view, masked_request, score_request, score_view
from pmpo.runs.outcome import JobResult, read_result
from pmpo.runs.report.build import refuse_without_candidates, report_view
from pmpo.runs.report.candidates import Page, candidates_page
from pmpo.runs.rivals import scored_by
from pmpo.runs.terms import encode_terms


class LocalJobs:
    """Jobs of one folder. They run in this process, on the event loop that calls."""

    def __init__(self, root: Path, models: LocalModels) -> None:
        self._folder = RunsFolder(root)
        self._models = models
        self._runs: dict[str, LocalRun] = {}

    async def create(self, spec: JobSpec) -> JobCreated:
        """Check a job, write it down and begin. Raises InvalidInputError: it cannot be run as it is."""
        _refuse_what_needs_an_api(spec)
        terms = await self._models.terms(spec)
        checked = await checked_job(spec, terms, await self._models.scorer(terms.target_arguments, ()))
        now, job_id = time.time(), secrets.token_hex(10)
        view = JobView(
            id=job_id,
            name=spec.name,
            kind=spec.kind,
            state="queued",
            created_at=now,
            updated_at=now,
            splits=checked.sizes,
            warnings=list(checked.warnings),
            best_prompt=spec.prompt,
            datasets=await asyncio.to_thread(_content_ids, spec.dataset),
        )
        folder, saved = self._folder.run(job_id), SavedRun(digest=digest_of(spec), view=view)
        body = spec.model_dump_json().encode()
        folder.create(body, encode_splits(checked.splits), encode_terms(terms), saved)
        run = self._runs[job_id] = LocalRun(folder, saved, self._models)
        run.start()
        return JobCreated(id=job_id, state="queued", splits=checked.sizes, warnings=list(checked.warnings))

    async def estimate(self, spec: JobSpec) -> EstimateView:
        """What a job would use. Raises InvalidInputError: it cannot be run as it is, its budget aside."""
        _refuse_what_needs_an_api(spec)
        terms = await self._models.terms(spec)
        return await estimated_job(spec, terms, await self._models.scorer(terms.target_arguments, ()))

    async def models(self) -> ModelsView:
        """What stands behind each name that a job may use. Raises as the start of a scorer does."""
        return await self._models.served()

    def listed(self, query: Mapping[str, str | Sequence[str]]) -> JobsPage:
        """All jobs of the folder that fit the filters of the API's list, newest first, on one page."""
        states, kind, name = query.get("state", ()), query.get("kind"), str(query.get("name", ""))
        since = float(str(query.get("since", 0)))
        views = [self._now(saved) for saved in self._folder.newest_first()]
        return JobsPage(
            jobs=[
                view
                for view in views
                if (not states or view.state in states)
                and kind in (None, view.kind)
                and view.name.startswith(name)
                and view.created_at >= since
            ]
        )

    async def get(self, job_id: str, wait_s: float) -> JobView:
        """How a job stands; waits for a change of one that this process works on. Raises NotFoundError."""
        run = self._runs.get(job_id)
        if run is None:
            return self._folder.run(job_id).saved().view
        if wait_s > 0 and run.view.state not in FINAL_STATES:
            await run.change_within(wait_s)
        return run.view

    async def events(self, job_id: str, after: int, wait_s: float) -> EventsPage:
        """Events above ``after``; waits for the first of a job that this process works on. Raises NotFoundError."""
        deadline = time.monotonic() + wait_s
        while True:
            page = self._page(job_id, after)
            run, left_s = self._runs.get(job_id), deadline - time.monotonic()
            if page.events or run is None or page.state in FINAL_STATES or left_s <= 0:
                return page
            await run.change_within(left_s)

    async def cancel(self, job_id: str) -> JobView:
        """Stop a job. Raises NotFoundError; ConflictError: it is over."""
        run = self._changeable(job_id, "cancelled")
        await run.cancel()
        return run.view

    async def pause(self, job_id: str) -> JobView:
        """Let a job rest after the call at hand. Raises NotFoundError; ConflictError: it is over."""
        run = self._changeable(job_id, "paused")
        run.pause()
        return run.view

    async def resume(self, job_id: str) -> JobView:
        """Let a job go on: one that is paused, that lost its process, or that failed in a way that may pass.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it is over, or another process works on it.
        """
        view = await self.get(job_id, 0)
        can_go_on = view.state == "failed" and view.failure is not None and view.failure.retryable
        run = self._run(job_id) if can_go_on else self._changeable(job_id, "resumed")
        if job_id not in self._runs:
            with self._folder.run(job_id).held():  # nobody else works on it
                self._runs[job_id] = run
        run.start()
        return run.view

    async def result(self, job_id: str) -> JobResult:
        """What a finished job found. Raises NotFoundError; ConflictError: there is no result; says why."""
        view = await self.get(job_id, 0)
        found = self._folder.run(job_id).read("result.json")
        if view.state == "succeeded" and found is not None:
            return read_result(view.kind, found)
        if view.failure is not None and view.state == "failed":
            raise ConflictError(f"job {job_id} failed and has no result: {view.failure.message}")
        raise ConflictError(f"job {job_id} is {view.state} and has no result")

    async def report(self, job_id: str, *, with_losses: bool) -> ReportView:
        """All that a job has told. Raises NotFoundError; ConflictError: it compares no prompts."""
        view = await self.get(job_id, 0)
        refuse_without_candidates(view)
        job, splits, events = self._told(job_id)
        found = await self.result(job_id) if view.state == "succeeded" else None
        model: ModelView | None = found.model if isinstance(found, ResultView) else None
        return await asyncio.to_thread(report_view, job, view, splits, events, model=model, with_losses=with_losses)

    async def candidates(self, job_id: str, page: Page) -> CandidatesPage:
        """Some of a job's candidates. Raises as ``report`` does."""
        view = await self.get(job_id, 0)
        refuse_without_candidates(view)
        job, splits, events = self._told(job_id)
        return await asyncio.to_thread(candidates_page, events, splits, scored_by(job), view.state, page)

    async def score(self, call: ScoreCall) -> ScoreView:
        """As the API's route."""
        request = score_request(call)
        return score_view(call, await (await self._models.asked(call.model)).score(request))

    async def analyze(self, call: AnalyzeCall) -> AnalyzeView:
        """As the API's route."""
        request = masked_request(call)
        return analyze_view(call, await (await self._models.asked(call.model)).masked_losses(request))

    async def close(self) -> None:
        """Let go of all jobs and stop the scorer; jobs that are not over can go on later."""
        for run in self._runs.values():
            await run.stop()
        await self._models.close()

    def _now(self, saved: SavedRun) -> JobView:
        run = self._runs.get(saved.view.id)
        return saved.view if run is None else run.view

    def _run(self, job_id: str) -> LocalRun:
        folder = self._folder.run(job_id)
        return self._runs.get(job_id) or LocalRun(folder, folder.saved(), self._models)

    def _changeable(self, job_id: str, wish: str) -> LocalRun:
        run = self._run(job_id)
        if run.view.state in FINAL_STATES:
            raise ConflictError(f"job {job_id} is {run.view.state}, so it cannot be {wish}; submit it again")
        if job_id not in self._runs and run.view.state != "paused":
            raise ConflictError(f"another process works on job {job_id}, so it cannot be {wish} here")
        return run

    def _page(self, job_id: str, after: int) -> EventsPage:
        run, folder = self._runs.get(job_id), self._folder.run(job_id)
        state = run.view.state if run is not None else folder.saved().view.state
        events = [EventView.model_validate_json(line) for line in folder.lines("events.jsonl")[after:]]
        return EventsPage(events=events, last=events[-1].number if events else after, state=state)

    def _told(self, job_id: str) -> tuple[JobSpec, Splits, list[Event]]:
        folder = self._folder.run(job_id)
        events = [decode_event(line) for line in folder.lines("events.jsonl")]
        spec = JobSpec.model_validate_json(folder.read("spec.json") or b"")
        return spec, decode_splits(folder.read("splits.json") or b""), events


def _content_ids(data: JobData) -> dict[SetName, str]:
    """The id that each given set has by its content."""
    sets: dict[SetName, list[Row] | None] = {"train": data.train, "validation": data.validation, "test": data.test}
    return {name: content_id(rows) for name, rows in sets.items() if rows is not None}


def _refuse_what_needs_an_api(spec: JobSpec) -> None:
    if spec.dataset.ids:
        stored = next(iter(spec.dataset.ids.values()))
        raise InvalidInputError(
            f"the data set {stored} is stored at an API and this job runs without one; name a file, or submit the job"
        )
    if spec.webhook is not None:
        raise InvalidInputError("a job without an API calls no webhook; remove `webhook`, or submit the job")
