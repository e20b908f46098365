"""The job routes, written once: ``Client`` and ``AsyncClient`` are two faces of these coroutines."""

from __future__ import annotations

import math
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from pmpo.client.answers import read
from pmpo.client.calls import Answer, Call
from pmpo.client.exchange import Exchange
from pmpo.client.paths import path_of
from pmpo.client.specs import Keys, body_of, job_with_rows
from pmpo.contracts.candidates import CandidatesPage, Fate
from pmpo.contracts.estimates import EstimateView
from pmpo.contracts.evaluation import EvaluationView
from pmpo.contracts.jobs import EventsPage, JobCreated, JobsPage, JobSpec, JobState, JobView, ResultView
from pmpo.contracts.modes import JobKind, RationalesView
from pmpo.contracts.reports import ReportView
from pmpo.errors import ConflictError, InvalidInputError, UpstreamError

Result = TypeVar("Result", ResultView, RationalesView, EvaluationView)
RESULT_METHODS = {"rationalize": "rationales", "evaluate": "evaluation"}  # by the kind of job; others: result


class ReadyView(BaseModel):
    """``GET /readyz``: names of what answered."""

    checked: list[str]


class JobCalls:
    """Jobs of one API. Methods raise the service's own error classes, and UnavailableError when no API answers."""

    def __init__(self, exchange: Exchange, timeout_s: float) -> None:
        if not 0 < timeout_s < math.inf:
            raise InvalidInputError(f"timeout_s is {timeout_s}; give a number of seconds above 0")
        self._exchange = exchange
        self._timeout_s = timeout_s

    async def create_job(self, spec: JobSpec | Keys, *, idempotency_key: str | None = None) -> JobCreated:
        """Queue a job.

        Args:
            spec: what to optimize, its data inside; a mapping of the same keys will do, whose sets may be whatever
                ``create_dataset`` takes as data, or ids.
            idempotency_key: name of this very request, under which the API creates one job however often it comes;
                a fresh one when None.

        Raises:
            InvalidInputError: the API refuses the job; the message says where and why.
        """
        headers = {"content-type": "application/json", "idempotency-key": idempotency_key or str(uuid.uuid4())}
        body = body_of(JobSpec, job_with_rows(spec))
        call = Call("POST", "/v1/jobs", self._timeout_s, is_repeatable=True, headers=headers, body=body)
        return read(JobCreated, await self._exchange.send(call))

    async def estimate_job(self, spec: JobSpec | Keys) -> EstimateView:
        """What a job would use, without running it.

        Raises:
            InvalidInputError: the API would refuse the job; the message says where and why.

        Example::

            reviews = [{"input": f"A lovely week in {city}.", "target": city} for city in ("Oslo", "Rome", "Bern")]
            job = {"prompt": "Process the input.", "dataset": {"train": reviews}, "optimizer": {"iterations": 2}}
            print(client.estimate_job(job).scored_tokens)
        """
        body = body_of(JobSpec, job_with_rows(spec))
        headers = {"content-type": "application/json"}
        call = Call("POST", "/v1/jobs/estimate", self._timeout_s, is_repeatable=True, headers=headers, body=body)
        return read(EstimateView, await self._exchange.send(call))

    async def get_job(self, job_id: str, *, wait_s: float | None = None) -> JobView:
        """How a job stands. With ``wait_s`` the API answers when that changes, or after that many seconds."""
        return read(JobView, await self._get(job_path(job_id), wait_s=wait_s))

    async def list_jobs(
        self,
        *,
        state: JobState | Sequence[JobState] = (),
        kind: JobKind | None = None,
        name: str = "",
        since: datetime | None = None,
        page_size: int = 100,
    ) -> AsyncGenerator[JobView, None]:
        """The jobs that fit all filters, newest first, page by page as they are wanted.

        Args:
            state: one state or several.
            kind: only jobs of this kind.
            name: how the name begins.
            since: the earliest time at which it was made; without a time zone it is the local one.
            page_size: how many are asked for at a time.

        Example::

            for job in client.list_jobs(state=["running", "queued"], name="review-"):
                print(job.id, job.name, job.state)
        """
        states = [state] if isinstance(state, str) else list(state)
        asked = {"state": states, "kind": kind, "name": name, "limit": str(page_size)}
        query: dict[str, str | Sequence[str]] = {key: value for key, value in asked.items() if value}
        if since is not None:
            query["since"] = repr(since.timestamp())
        while True:
            call = Call("GET", "/v1/jobs", self._timeout_s, is_repeatable=True, query=query)
            page = read(JobsPage, await self._exchange.send(call))
            for job in page.jobs:
                yield job
            if page.next is None:
                return
            query["cursor"] = page.next

    async def events(self, job_id: str, *, after: int = 0, wait_s: float | None = None) -> EventsPage:
        """Events with numbers above ``after``. With ``wait_s`` the API waits that long for the first of them."""
        answer = await self._get(job_path(job_id, "/events"), {"after": str(after)}, wait_s=wait_s)
        return read(EventsPage, answer)

    async def cancel_job(self, job_id: str) -> JobView:
        """Ask a job to stop; cancelling twice is cancelling once.

        Raises:
            ConflictError: the job is over.
        """
        call = Call("POST", job_path(job_id, "/cancel"), self._timeout_s, is_repeatable=True)
        return read(JobView, await self._exchange.send(call))

    async def pause_job(self, job_id: str) -> JobView:
        """Let a job rest after the call at hand; pausing twice is pausing once.

        Raises:
            ConflictError: the job is over, or is being cancelled.
        """
        call = Call("POST", job_path(job_id, "/pause"), self._timeout_s, is_repeatable=True)
        return read(JobView, await self._exchange.send(call))

    async def resume_job(self, job_id: str) -> JobView:
        """Let a paused job go on where it stopped; resuming twice is resuming once.

        Raises:
            ConflictError: the job is over, or is being cancelled.
        """
        call = Call("POST", job_path(job_id, "/resume"), self._timeout_s, is_repeatable=True)
        return read(JobView, await self._exchange.send(call))

    async def delete_job(self, job_id: str) -> None:
        """Delete a job that is over, with all that belongs to it.

        Raises:
            ConflictError: it is not over.
        """
        await self._exchange.send(Call("DELETE", job_path(job_id), self._timeout_s, is_repeatable=False))

    async def result(self, job_id: str) -> ResultView:
        """What a finished job found.

        Raises:
            ConflictError: there is no result, because the job is not over, failed or was cancelled, or it is of
                another kind, whose results another method reads.
        """
        return await self._result(job_id, ResultView, "result")

    async def rationales(self, job_id: str) -> RationalesView:
        """The data set that a finished job of kind ``rationalize`` made.

        Raises:
            ConflictError: there is no result, because the job is not over, failed or was cancelled, or it is of
                another kind, whose results another method reads.
        """
        return await self._result(job_id, RationalesView, "rationales")

    async def evaluation(self, job_id: str) -> EvaluationView:
        """What a finished job of kind ``evaluate`` measured.

        Raises:
            ConflictError: there is no result, because the job is not over, failed or was cancelled, or it is of
                another kind, whose results another method reads.
        """
        return await self._result(job_id, EvaluationView, "evaluation")

    async def report(self, job_id: str, *, with_losses: bool = False) -> ReportView:
        """All that a job has told, finished or not; ``with_losses`` adds each candidate's losses row by row.

        Raises:
            ConflictError: the job is of kind ``rationalize`` or ``evaluate``, which search for no prompt.
        """
        query = {"losses": "true"} if with_losses else {}
        return read(ReportView, await self._get(job_path(job_id, "/report"), query))

    async def candidates(
        self,
        job_id: str,
        *,
        after: int = 0,
        limit: int | None = None,
        fate: Fate | None = None,
        with_losses: bool = False,
    ) -> CandidatesPage:
        """Prompts that a job tried or refused, in the order in which they came.

        Args:
            job_id: the job.
            after: ``next`` of the page before.
            limit: most candidates of a page; the API's choice when None.
            fate: only those of this fate.
            with_losses: with each one's losses row by row.

        Raises:
            ConflictError: the job is of kind ``rationalize`` or ``evaluate``, which search for no prompt.
        """
        asked = {"after": str(after), "limit": limit, "fate": fate, "losses": "true" if with_losses else None}
        query = {name: str(value) for name, value in asked.items() if value is not None}
        return read(CandidatesPage, await self._get(job_path(job_id, "/candidates"), query))

    async def ready(self) -> list[str]:
        """What the API needs and what answered when it asked just now: Redis, and the scorer of every endpoint.

        Raises:
            UnavailableError: no API answers, or something that it needs does not; names what.
        """
        call = Call("GET", "/readyz", self._timeout_s, is_repeatable=False)
        return read(ReadyView, await self._exchange.send(call)).checked

    async def is_alive(self, *, timeout_s: float = 2.0) -> bool:
        """Whether a PMPO API answers at the address. Asks once, and takes another program's answer for a no."""
        answer = await self._exchange.try_once(Call("GET", "/healthz", timeout_s, is_repeatable=True))
        return answer is not None and answer.status == 200 and b'"alive"' in answer.body

    async def _result(self, job_id: str, view: type[Result], asked: str) -> Result:
        """``asked``: the method that was called."""
        answer = await self._get(job_path(job_id, "/result"))
        try:
            return read(view, answer)
        except UpstreamError:
            kind = (await self.get_job(job_id)).kind
            method = RESULT_METHODS.get(kind, "result")
            if method == asked:
                raise
            raise ConflictError(
                f"job {job_id} is of kind {kind}, so its result is read with {method}({job_id!r})"
            ) from None

    async def _get(self, path: str, query: Mapping[str, str] | None = None, *, wait_s: float | None = None) -> Answer:
        asked = dict(query or {})
        if wait_s is not None:
            asked["wait"] = f"{wait_s:g}"
        timeout_s = self._timeout_s + (wait_s or 0.0)
        return await self._exchange.send(Call("GET", path, timeout_s, is_repeatable=True, query=asked))


def job_path(job_id: str, below: str = "") -> str:
    """The path of a job, or of what is below it. Raises InvalidInputError: the id is empty."""
    return path_of("jobs", job_id, "the job id is empty; give the id that `pmpo submit` printed", below)
