"""One follower's stream: what it missed, then what comes, until the job is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Send

from pmpo.contracts.jobs import FINAL_STATES, JobState
from pmpo.errors import StoreUnavailableError
from services.api.events import frames
from services.api.events.feeds import Feed, JobFeeds
from services.api.jobs.waiting import Waiting
from services.store.journal import Journal

HEARTBEAT_S = 10.0
MAX_PAGE_EVENTS = 500


class EventStream(StreamingResponse):
    """The response. When the follower hangs up, the stream's own clean-up is done before the request ends."""

    media_type = frames.MEDIA_TYPE

    def __init__(self, stream: AsyncGenerator[bytes, None]) -> None:
        # Proxies must neither keep the answer for later nor collect it (nginx does without the second header).
        super().__init__(stream, headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        self._stream = stream

    async def stream_response(self, send: Send) -> None:
        """See ``StreamingResponse``."""
        async with aclosing(self._stream):
            await super().stream_response(send)


class EventStreams:
    """Streams of jobs' events."""

    def __init__(self, journal: Journal, waiting: Waiting, heartbeat_s: float = HEARTBEAT_S) -> None:
        """``waiting`` ends when the process is asked to stop; streams end then, and their followers may come back."""
        self.feeds = JobFeeds(journal, waiting)
        self._journal = journal
        self._heartbeat_s = heartbeat_s

    def response(self, job_id: str, after: int) -> EventStream:
        """The events of a job above ``after``, each once and in order."""
        return EventStream(self._frames(job_id, after))

    async def _frames(self, job_id: str, after: int) -> AsyncGenerator[bytes, None]:
        yield frames.RETRY
        told: JobState | None = None
        with self.feeds.follow(job_id) as feed:
            while not feed.is_over:
                news = feed.news
                if feed.state is not None and feed.state != told:
                    told = feed.state
                    yield frames.state(told)
                chunk = await self._after(feed, job_id, after)
                if chunk is None:
                    return
                if chunk:
                    after += len(chunk)
                    yield b"".join(chunk)
                elif told in FINAL_STATES and after >= feed.num_events:
                    yield frames.end(told, feed.num_events)
                    return
                elif not await _is_set(news, self._heartbeat_s):
                    yield frames.HEARTBEAT

    async def _after(self, feed: Feed, job_id: str, after: int) -> list[bytes] | None:
        """The frames above ``after`` that there are now; None when the store does not answer."""
        if feed.state is None:
            return []
        known = feed.after(after)
        if known is not None:
            return known
        try:
            events = await self._journal.events(job_id, after=after, limit=MAX_PAGE_EVENTS)
        except StoreUnavailableError:
            return None
        return [frames.message(number, event) for number, event in enumerate(events, start=after + 1)]


async def _is_set(event: asyncio.Event, limit_s: float) -> bool:
    """Whether the event came within the limit."""
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
