"""The client's calls carried no further than this process: the routes of the API over ``LocalJobs``.

So both faces of the client have the same calls, views and error classes with services and without.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError

from pmpo.client.calls import Answer, Call, Stream, T
from pmpo.client.local.folder import default_folder
from pmpo.client.local.jobs import LocalJobs
from pmpo.client.local.models import LocalModels
from pmpo.contracts.candidates import Fate
from pmpo.contracts.interactive import AnalyzeCall, ScoreCall
from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.problems import PROBLEM_MEDIA_TYPE, refusal, to_problem
from pmpo.errors import NotFoundError, PmpoError
from pmpo.runs.report.candidates import Page
from pmpo.runtime.settings import load_settings

JSON = {"content-type": "application/json"}
ADDRESS = "this process"


class LocalTransport:
    """For asyncio: jobs run on the event loop that calls. ``open_jobs`` is called there, at the first call."""

    def __init__(self, open_jobs: Callable[[], LocalJobs]) -> None:
        self._open_jobs = open_jobs
        self._jobs: LocalJobs | None = None

    async def send(self, call: Call) -> Answer:
        """See ``Transport``. Errors are answered as problems, so that they come out as their own classes."""
        try:
            if self._jobs is None:
                self._jobs = self._open_jobs()
            view = await _routed(self._jobs, call)
        except PmpoError as error:
            problem = to_problem(error, "local").model_dump_json(exclude_none=True)
            return Answer(error.status, {"content-type": PROBLEM_MEDIA_TYPE}, problem.encode())
        return Answer(200, JSON, view.model_dump_json().encode())

    async def open(self, call: Call) -> Stream:
        """See ``Transport``. Nothing is streamed: pages that wait do as well within one process."""
        return _Whole(await self.send(call))

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for that long."""
        await asyncio.sleep(seconds)

    async def work(self, function: Callable[[], T]) -> T:
        """Compute in a thread, while other tasks run."""
        return await asyncio.to_thread(function)

    async def close(self) -> None:
        """Let go of the jobs and stop the scorer."""
        if self._jobs is not None:
            await self._jobs.close()


class BlockingLocalTransport:
    """For plain calls: jobs run on an event loop of their own, in a thread."""

    def __init__(self, open_jobs: Callable[[], LocalJobs]) -> None:
        self._inner = LocalTransport(open_jobs)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pmpo-local", daemon=True)
        self._thread.start()

    async def send(self, call: Call) -> Answer:
        """See ``Transport``."""
        answer: Answer = self._result_of(self._inner.send(call))
        return answer

    async def open(self, call: Call) -> Stream:
        """See ``Transport``."""
        return _Whole(await self.send(call))

    async def sleep(self, seconds: float) -> None:
        """Block for that long."""
        self._result_of(asyncio.sleep(seconds))

    async def work(self, function: Callable[[], T]) -> T:
        """Compute in the calling thread."""
        return function()

    async def close(self) -> None:
        """Let go of the jobs, stop the scorer and the thread."""
        if self._loop.is_closed():
            return
        self._result_of(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        """Close, and cancel the calls that nobody waits for any more: Ctrl-C may have come in the middle of one."""
        await self._inner.close()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _result_of(self, work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(_as_coroutine(work), self._loop).result()


def local_jobs(folder: Path | None, model: str | None) -> Callable[[], LocalJobs]:
    """What opens the jobs of a folder (``default_folder`` when None), scored by ``model`` or as the settings say.

    Raises:
        ConfigurationError: a setting is not usable.
    """
    settings = load_settings()
    root = default_folder() if folder is None else folder.expanduser()
    return lambda: LocalJobs(root, LocalModels(settings, model))


class _Whole:
    """An answer that is there already, as a stream."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self._body = answer.body

    async def read(self) -> bytes:
        return self._body

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self._body

    async def lines(self) -> AsyncIterator[str]:
        for line in self._body.decode().splitlines():
            yield line

    async def close(self) -> None:
        """Nothing is open."""


async def _as_coroutine(work: Awaitable[Any]) -> Any:
    return await work


async def _routed(jobs: LocalJobs, call: Call) -> BaseModel:
    """The view that answers a call. Raises NotFoundError: a route that needs services."""
    parts = [unquote(part) for part in call.path.strip("/").split("/")[1:]]
    match call.method, parts:
        case "POST", ["jobs"]:
            return await jobs.create(_body(JobSpec, call))
        case "POST", ["jobs", "estimate"]:
            return await jobs.estimate(_body(JobSpec, call))
        case "GET", ["jobs"]:
            return jobs.listed(call.query)
        case "GET", ["models"]:
            return await jobs.models()
        case "POST", ["score"]:
            return await jobs.score(_body(ScoreCall, call))
        case "POST", ["analyze"]:
            return await jobs.analyze(_body(AnalyzeCall, call))
        case _, ["jobs", job_id, *below]:
            return await _of_job(jobs, job_id, call, below)
        case "GET", []:  # /healthz: this process lives
            return _Alive()
    raise NotFoundError(f"there is no {call.method} {call.path} without services; start them with `pmpo up`")


async def _of_job(jobs: LocalJobs, job_id: str, call: Call, below: list[str]) -> BaseModel:
    query = cast(Mapping[str, str], call.query)
    wait_s, after = float(query.get("wait", 0)), int(query.get("after", 0))
    with_losses = query.get("losses") == "true"
    match call.method, below:
        case "GET", []:
            return await jobs.get(job_id, wait_s)
        case "GET", ["events"]:
            return await jobs.events(job_id, after, wait_s)
        case "GET", ["result"]:
            return await jobs.result(job_id)
        case "GET", ["report"]:
            return await jobs.report(job_id, with_losses=with_losses)
        case "GET", ["candidates"]:
            page = Page(after, int(query.get("limit", 100)), cast(Fate | None, query.get("fate")), with_losses)
            return await jobs.candidates(job_id, page)
        case "POST", ["cancel"]:
            return await jobs.cancel(job_id)
        case "POST", ["pause"]:
            return await jobs.pause(job_id)
        case "POST", ["resume"]:
            return await jobs.resume(job_id)
    raise NotFoundError(f"there is no {call.method} {call.path} without services; start them with `pmpo up`")


class _Alive(BaseModel):
    status: str = "alive"


def _body(model: type[Any], call: Call) -> Any:
    """Raises InvalidInputError: the body is no such model."""
    try:
        return model.model_validate_json(call.body)
    except ValidationError as error:
        raise refusal(error.errors()) from None
