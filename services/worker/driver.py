"""A job's search over HTTP ports, with every answer and every event saved as it comes."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import cast

from pmpo.contracts.jobs import JobSpec, ResultView
from pmpo.data.rows import parse_row
from pmpo.errors import ConflictError, LeaseLostError
from pmpo.optim.events import Event
from pmpo.optim.journal import SearchPorts
from pmpo.runs.codec import decode_entry, decode_spec, decode_splits, encode_event, first_identities
from pmpo.runs.drive import drive
from pmpo.runs.outcome import job_result
from pmpo.runs.progress import advance, best_prompt_after
from pmpo.runs.registration import registration_of
from pmpo.runs.terms import decode_terms
from services.store.records import JobRecord, progress_fields
from services.store.store import Store
from services.worker.calls import GatedGenerator, GatedScorer, RunCalls
from services.worker.endings import Succeeded
from services.worker.gate import Gate
from services.worker.hold import Hold
from services.worker.models import Models, scorer_of


class SearchDriver:
    """Searches for jobs whose leases are held."""

    def __init__(self, store: Store, models: Models) -> None:
        self._store = store
        self._models = models

    async def drive(self, record: JobRecord, hold: Hold, gate: Gate) -> Succeeded:
        """Search from the start or from the journal until the end.

        Raises:
            LetGoError: the gate closed between two calls.
            LeaseLostError: another worker took over; nothing more was written.
            PmpoError: see ``pmpo.runs.drive``.
        """
        job = decode_spec(await self._store.jobs.spec(record.id))
        job = await self._with_rows(job, record)
        splits = decode_splits(await self._store.jobs.splits(record.id))
        terms = decode_terms(await self._store.jobs.terms(record.id))
        replay = [decode_entry(raw) for raw in (await self._store.journal.answers(record.id)).values()]
        calls = RunCalls(self._store, hold, gate, record)
        served = scorer_of(self._models, terms.target_arguments, job.models.targets, first_identities(replay))
        scorer = GatedScorer(served, calls)
        first = job.models.targets[0]
        recorder = Recorder(self._store, hold, record, await self._store.journal.num_events(record.id))
        ports = SearchPorts(
            scorer=scorer,
            rewriter=GatedGenerator(self._models.generator(job.models.rewriter, terms.rewriter_arguments), calls),
            target=GatedGenerator(self._models.generator(first, terms.target_arguments[first]), calls),
            clock=RunClock(),
            journal=calls,
            replay=replay,
        )
        async with aclosing(cast(AsyncGenerator[Event, None], drive(job, splits, ports, terms.prices))) as events:
            async for event in events:
                await recorder.record(event)
        view = job_result(record.id, job, recorder.events, record.view.splits, scorer.identity)
        view = view.model_copy(
            update={"repeated_tokens": calls.repeated_tokens, "datasets": dict(record.view.datasets)}
        )
        new = None
        if isinstance(view, ResultView):
            new = registration_of(job, view, splits, time.time())
        return Succeeded(view.model_dump_json().encode(), view.stop_reason, view.verdict, new)

    async def _with_rows(self, job: JobSpec, record: JobRecord) -> JobSpec:
        """The job with the rows that its result quotes; all others need none but its splits."""
        train = job.dataset.ids.get("train")
        if job.kind != "rationalize" or train is None:
            return job
        lines = await self._store.datasets.all_lines(record.project, train)
        rows = [parse_row(line.decode(), train, number) for number, line in enumerate(lines, start=1)]
        return job.model_copy(update={"dataset": job.dataset.with_rows({"train": rows})})


class RunClock:
    """Seconds of this run; the search goes on from what earlier runs journaled."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()

    def elapsed_s(self) -> float:
        """Never falls."""
        return time.monotonic() - self._started_at


class Recorder:
    """Saves events with the progress that they make. In a replay, those that are stored already are not sent again."""

    def __init__(self, store: Store, hold: Hold, record: JobRecord, num_stored: int) -> None:
        self.events: list[Event] = []
        self._store = store
        self._hold = hold
        self._num_stored = num_stored
        self._progress = record.view.progress

    async def record(self, event: Event) -> None:
        """Save one event, after those that Redis lost in a crash, if any.

        Raises:
            LeaseLostError: another worker took over.
        """
        self.events.append(event)
        before, self._progress = self._progress, advance(self._progress, event)
        if event.number <= self._num_stored:
            return
        changes = {} if self._progress == before else progress_fields(self._progress, best_prompt_after(event))
        await self._hold.through_outages(lambda: self._send(changes))

    async def _send(self, changes: Mapping[str, str]) -> None:
        unsent = {event.number: encode_event(event) for event in self.events[self._num_stored :]}
        try:
            await self._store.journal.append(self._hold.lease, now=time.time(), events=unsent, changes=changes)
        except LeaseLostError:
            raise
        except ConflictError:
            self._num_stored = await self._store.journal.num_events(self._hold.lease.job_id)
            await self._send(changes)
        self._num_stored = len(self.events)
