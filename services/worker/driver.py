"""A job's search over HTTP ports, with every answer and every event saved as it comes."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from pmpo.contracts.jobs import JobSpec
from pmpo.optim.events import Event
from pmpo.optim.journal import JournalEntry, SearchPorts
from pmpo.runs.codec import decode_entry, decode_splits, encode_entry, encode_event, first_identities
from pmpo.runs.drive import drive
from pmpo.runs.outcome import job_result
from pmpo.runs.progress import advance, best_prompt_after
from pmpo.runs.terms import decode_terms
from services.store.leases import Lease
from services.store.records import JobRecord, progress_fields
from services.store.store import Store
from services.worker.endings import Succeeded
from services.worker.models import Models, scorer_of


class SearchDriver:
    """Searches for jobs whose leases are held."""

    def __init__(self, store: Store, models: Models) -> None:
        self._store = store
        self._models = models

    async def drive(self, record: JobRecord, lease: Lease) -> Succeeded:
        """Search from the start or from the journal until the end.

        Raises:
            LeaseLostError: another worker took over; nothing more was written.
            PmpoError: see ``pmpo.runs.drive``.
        """
        job = JobSpec.model_validate_json(await self._store.jobs.spec(record.id))
        splits = decode_splits(await self._store.jobs.splits(record.id))
        terms = decode_terms(await self._store.jobs.terms(record.id))
        replay = [decode_entry(raw) for raw in (await self._store.journal.answers(record.id)).values()]
        scorer = scorer_of(self._models, terms.target_arguments, job.models.targets, first_identities(replay))
        first = job.models.targets[0]
        recorder = Recorder(self._store, lease, record, await self._store.journal.num_events(record.id))
        ports = SearchPorts(
            scorer=scorer,
            rewriter=self._models.generator(job.models.rewriter, terms.rewriter_arguments),
            target=self._models.generator(first, terms.target_arguments[first]),
            clock=RunClock(),
            journal=StoredJournal(self._store, lease),
            replay=replay,
        )
        async with aclosing(cast(AsyncGenerator[Event, None], drive(job, splits, ports, terms.prices))) as events:
            async for event in events:
                await recorder.record(event)
        view = job_result(record.id, job, recorder.events, record.view.splits, scorer.identity)
        return Succeeded(view.model_dump_json().encode(), view.stop_reason, view.verdict)


class RunClock:
    """Seconds of this run; the search goes on from what earlier runs journaled."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()

    def elapsed_s(self) -> float:
        """Never falls."""
        return time.monotonic() - self._started_at


class StoredJournal:
    """The search's journal port, under the lease of this run."""

    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._lease = lease

    async def append(self, call: int, kind: str, digest: str, answer: object) -> None:
        """Store one answer. Raises LeaseLostError when another worker took over."""
        entry = encode_entry(JournalEntry(call, kind, digest, answer))
        await self._store.journal.append(self._lease, now=time.time(), answers={call: entry})


class Recorder:
    """Saves events with the progress that they make. In a replay, those that are stored already are not sent again."""

    def __init__(self, store: Store, lease: Lease, record: JobRecord, num_stored: int) -> None:
        self.events: list[Event] = []
        self._store = store
        self._lease = lease
        self._num_stored = num_stored
        self._progress = record.view.progress

    async def record(self, event: Event) -> None:
        """Save one event. Raises LeaseLostError when another worker took over."""
        self.events.append(event)
        before, self._progress = self._progress, advance(self._progress, event)
        if event.number <= self._num_stored:
            return
        changes = {} if self._progress == before else progress_fields(self._progress, best_prompt_after(event))
        events = {event.number: encode_event(event)}
        await self._store.journal.append(self._lease, now=time.time(), events=events, changes=changes)
