"""Following a job to its end, across lost connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from pmpo.client.jobs import JobCalls
from pmpo.contracts.jobs import FINAL_STATES, EventView, JobView
from pmpo.errors import PmpoError

WAIT_S = 10.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0

OnIdle = Callable[[], None]
"""Told that ``WAIT_S`` passed without an event."""
OnLost = Callable[[PmpoError, int], None]
"""Told of every lost connection: the error, and how many there were in a row."""


class JobWatching(JobCalls):
    """Calls that last as long as the job. They survive ``max_losses`` lost connections in a row."""

    async def wait(self, job_id: str, *, max_losses: int = 8, on_lost: OnLost | None = None) -> JobView:
        """The job as it stands when it is over: succeeded, failed or cancelled."""
        losses = _Losses(self, max_losses, on_lost)
        while True:
            try:
                job = await self.get_job(job_id, wait_s=WAIT_S)
            except PmpoError as error:
                await losses.survive(error)
                continue
            if job.state in FINAL_STATES:
                return job
            losses.forget()

    async def iterate_events(
        self,
        job_id: str,
        *,
        after: int = 0,
        max_losses: int = 8,
        on_lost: OnLost | None = None,
        on_idle: OnIdle | None = None,
    ) -> AsyncIterator[EventView]:
        """Every event above ``after``, each once and in order, until the job is over."""
        losses = _Losses(self, max_losses, on_lost)
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

    async def pause(self, seconds: float) -> None:
        """Wait as the client's transport waits."""
        await self._exchange.sleep(seconds)


class _Losses:
    """Lost connections in a row."""

    def __init__(self, calls: JobWatching, most: int, on_lost: OnLost | None) -> None:
        self._calls = calls
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
        await self._calls.pause(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self._num - 1)))
