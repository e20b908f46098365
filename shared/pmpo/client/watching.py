"""Following a job to its end, across lost connections."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from pmpo.client.jobs import JobCalls, job_path
from pmpo.client.streams import NoStreamError, frames_after
from pmpo.contracts.jobs import FINAL_STATES, EventView, JobView
from pmpo.errors import PmpoError, UnavailableError

WAIT_S = 10.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
MAX_RETRY_AFTER_S = 60.0

OnIdle = Callable[[], None]
"""Told that ``WAIT_S`` passed without an event."""
OnProgress = Callable[[JobView], None]
"""Told how the job stands, first and whenever that changed."""
OnLost = Callable[[PmpoError, int], None]
"""Told of every lost connection: the error, and how many there were in a row."""


class JobWatching(JobCalls):
    """Calls that last as long as the job. They survive ``max_losses`` lost connections in a row."""

    async def wait(
        self,
        job_id: str,
        *,
        max_losses: int = 8,
        on_lost: OnLost | None = None,
        on_progress: OnProgress | None = None,
    ) -> JobView:
        """The job as it stands when it is over: succeeded, failed or cancelled.

        Args:
            job_id: the job.
            max_losses: how many lost connections in a row to survive.
            on_lost: told of each of them.
            on_progress: told how the job stands, first and whenever that changed.

        Example::

            created = client.create_job(spec)
            job = client.wait(created.id, on_progress=lambda job: print(job.state, job.progress.train_loss))
            print(job.state, job.verdict)
        """
        losses = _Losses(self._exchange.sleep, max_losses, on_lost)
        seen: JobView | None = None
        while True:
            try:
                job = await self.get_job(job_id, wait_s=0 if on_progress and seen is None else WAIT_S)
            except PmpoError as error:
                await losses.survive(error)
                continue
            losses.forget()
            if on_progress is not None and job != seen:
                on_progress(job)
            if job.state in FINAL_STATES:
                return job
            seen = job

    async def iterate_events(
        self,
        job_id: str,
        *,
        after: int = 0,
        max_losses: int = 8,
        on_lost: OnLost | None = None,
        on_idle: OnIdle | None = None,
    ) -> AsyncGenerator[EventView, None]:
        """Every event above ``after``, each once and in order, until the job is over.

        They come as they happen, over one connection that is made again from the last number when it is lost; where
        something between does not pass a stream on, they are asked for in pages.

        Args:
            job_id: the job.
            after: the last number that is not wanted.
            max_losses: how many lost connections in a row to survive.
            on_lost: told of each of them.
            on_idle: told when nothing happened for about ten seconds.

        Example::

            for event in client.iterate_events(created.id):
                if event.kind == "iteration_finished":
                    print(event.data["iteration"], event.data["train_loss"])
        """
        losses = _Losses(self._exchange.sleep, max_losses, on_lost)
        while True:
            try:
                async with aclosing(frames_after(self._exchange, job_path(job_id, "/events"), after)) as frames:
                    async for frame in frames:
                        if frame.name == "end":
                            return
                        if frame.name != "state":  # the first frame, also of a connection that is cut at once
                            losses.forget()
                        if frame.name == "message":
                            event = frame.event()
                            if event.number > after:
                                after = event.number
                                yield event
                        elif frame.name == "comment" and on_idle is not None:
                            on_idle()
                raise UnavailableError("the PMPO API closed the connection")
            except NoStreamError:
                break
            except PmpoError as error:
                await losses.survive(error)
        async with aclosing(self._paged_events(job_id, after, losses, on_idle)) as events:
            async for event in events:
                yield event

    async def _paged_events(
        self, job_id: str, after: int, losses: _Losses, on_idle: OnIdle | None
    ) -> AsyncGenerator[EventView, None]:
        is_over = False
        while True:
            try:
                page = await self.events(job_id, after=after, wait_s=0 if is_over else WAIT_S)
            except PmpoError as error:
                await losses.survive(error)
                continue
            losses.forget()
            for event in page.events:
                yield event
            if is_over and not page.events:
                return
            after = page.events[-1].number if page.events else after
            is_over = page.state in FINAL_STATES
            if on_idle is not None and not page.events and not is_over:
                on_idle()


class _Losses:
    """Lost connections in a row."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]], most: int, on_lost: OnLost | None) -> None:
        """``sleep`` waits as the client's transport does."""
        self._sleep = sleep
        self._most = most
        self._on_lost = on_lost
        self._num = 0

    def forget(self) -> None:
        self._num = 0

    async def survive(self, error: PmpoError) -> None:
        """Report the loss and wait; raises ``error`` when it is none, or one too many."""
        self._num += 1
        if not error.retryable or self._num > self._most:
            raise error
        if self._on_lost is not None:
            self._on_lost(error, self._num)
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self._num - 1))
        await self._sleep(max(pause_s, min(error.retry_after_s or 0.0, MAX_RETRY_AFTER_S)))
