"""What is new in the jobs that somebody follows: looked up once for all who follow them, by one task.

However many streams there are, Redis gets one question for all followed jobs about seven times a second, and each new
event is read once. Nobody follows anything: no task, no question.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from pmpo.contracts.jobs import JobState
from pmpo.errors import StoreUnavailableError
from pmpo.runtime.logs import get_logger
from services.api.events import frames
from services.api.jobs.waiting import POLL_S, Waiting
from services.store.journal import Journal

log = get_logger()
MAX_KEPT = 256


class Feed:
    """One job: its state, how many events it has, and the frames of the newest ones.

    Attributes:
        state: None before the first look.
        num_events: how many the job had at the last look; those above ``last`` have not been read yet.
        last: number of the newest event whose frame was read.
        is_over: nothing more will be told: the API is to stop, the job was deleted, or Redis does not answer.
    """

    def __init__(self) -> None:
        self.state: JobState | None = None
        self.num_events = 0
        self.last = 0
        self.is_over = False
        self.num_followers = 0
        self._newest: deque[bytes] = deque(maxlen=MAX_KEPT)
        self._news = asyncio.Event()

    @property
    def news(self) -> asyncio.Event:
        """Set at the next change. Take it before looking at the feed, then no change is missed."""
        return self._news

    def after(self, number: int) -> list[bytes] | None:
        """The frames of the events above ``number``; None when they must be read from the store."""
        first = self.last - len(self._newest)
        return None if number < first else list(self._newest)[number - first :]

    def look(self, state: JobState, num_events: int) -> None:
        """The job was looked at; the first look begins with the events that are still to come."""
        if (self.state, self.num_events) == (state, num_events):
            return
        if self.state is None:
            self.last = num_events
        self.state, self.num_events = state, num_events
        if num_events <= self.last:  # otherwise ``add`` tells
            self._tell()

    def add(self, events: list[bytes]) -> None:
        """The events above ``last`` were read."""
        for event in events:
            self.last += 1
            self._newest.append(frames.message(self.last, event))
        self._tell()

    def end(self) -> None:
        """Nothing more will be told."""
        self.is_over = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class JobFeeds:
    """The feeds of one process."""

    def __init__(self, journal: Journal, waiting: Waiting) -> None:
        """``waiting`` ends when the process is asked to stop; then all feeds end."""
        self._journal = journal
        self._waiting = waiting
        self._feeds: dict[str, Feed] = {}
        self._watch: asyncio.Task[None] | None = None

    @property
    def num_followed(self) -> int:
        """Jobs that somebody follows."""
        return len(self._feeds)

    @contextmanager
    def follow(self, job_id: str) -> Iterator[Feed]:
        """The job's feed, kept up to date inside the block."""
        feed = self._feeds.setdefault(job_id, Feed())
        feed.num_followers += 1
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep_looking())
        try:
            yield feed
        finally:
            feed.num_followers -= 1
            if not feed.num_followers and self._feeds.get(job_id) is feed:
                del self._feeds[job_id]

    async def _keep_looking(self) -> None:
        """Look until nobody follows anything."""
        try:
            while self._feeds and not self._waiting.has_ended:
                await self._look()
                await asyncio.sleep(POLL_S)
        except StoreUnavailableError as error:
            log.warning("streams_ended", num_jobs=len(self._feeds), reason=error.message)
        finally:
            self._watch = None
            for feed in self._feeds.values():
                feed.end()
            self._feeds.clear()

    async def _look(self) -> None:
        """One question for the states and numbers of all jobs, and one for the events of those that have new ones."""
        followed = dict(self._feeds)
        for (job_id, feed), (state, num_events) in zip(
            followed.items(), await self._journal.pulses(list(followed)), strict=True
        ):
            if state is None:
                feed.end()
                if self._feeds.get(job_id) is feed:
                    del self._feeds[job_id]
            else:
                feed.look(state, num_events)
        behind = {job_id: feed.last for job_id, feed in followed.items() if feed.last < feed.num_events}
        if behind:
            for job_id, events in (await self._journal.events_of(behind)).items():
                followed[job_id].add(events)
