"""One local run: its search driven in this process, every answer and event on the disk before it is used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar, cast

from pmpo.client.local.folder import RunFolder, SavedRun
from pmpo.client.local.models import LocalModels
from pmpo.contracts.jobs import FINAL_STATES, JobFailure, JobSpec, JobState
from pmpo.errors import PmpoError
from pmpo.optim.events import Event
from pmpo.optim.journal import JournalEntry, SearchPorts
from pmpo.optim.ports import Generator
from pmpo.optim.several import IdentifiedScorer
from pmpo.optim.types import Completion, Example, GenerationRequest, Scores
from pmpo.runs.codec import decode_entry, decode_splits, encode_entry, encode_event, first_identities
from pmpo.runs.drive import drive
from pmpo.runs.outcome import job_result
from pmpo.runs.progress import advance, best_prompt_after
from pmpo.runs.terms import decode_terms

T = TypeVar("T")


class LocalRun:
    """A job of this process. What it tells comes after what it wrote."""

    def __init__(self, folder: RunFolder, saved: SavedRun, models: LocalModels) -> None:
        self.view = saved.view
        self._folder = folder
        self._digest = saved.digest
        self._models = models
        self._is_open = asyncio.Event()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, or go on where the journal ends."""
        self._is_open.set()
        if self._task is None or self._task.done():
            self.change(state="queued", failure=None, stop_reason=None)
            self._task = asyncio.create_task(self._work())
        elif self.view.state == "paused":
            self.change(state="running")

    def pause(self) -> None:
        """Rest after the call at hand."""
        self._is_open.clear()
        self.change(state="paused")

    async def cancel(self) -> None:
        """Stop, whatever is under way."""
        await self.stop()
        if self.view.state not in FINAL_STATES:
            self.change(state="cancelled", stop_reason="cancelled")

    async def stop(self) -> None:
        """Let go of the run; its files stay, and it can go on later."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def change_within(self, limit_s: float) -> None:
        """Return when the job or its events change, at the latest after ``limit_s``."""
        changed = self._changed
        try:
            async with asyncio.timeout(limit_s):
                await changed.wait()
        except TimeoutError:
            return

    def change(self, **changes: object) -> None:
        """The job's view, on the disk and for those who wait."""
        self.view = self.view.model_copy(update={**changes, "updated_at": time.time()})
        self._folder.save(SavedRun(digest=self._digest, view=self.view))
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _work(self) -> None:
        try:
            with self._folder.held():
                self._folder.repair()
                self.change(state=self._state_at_work(), attempts=self.view.attempts + 1)
                await self._search()
        except PmpoError as error:
            failure = JobFailure(code=error.code, message=error.message, retryable=error.retryable)
            self.change(state="failed", stop_reason="failed", failure=failure)
        except Exception as error:
            message = f"the search met an error it does not know ({type(error).__name__}: {error})"
            self.change(state="failed", stop_reason="failed", failure=JobFailure(code=PmpoError.code, message=message))

    def _state_at_work(self) -> JobState:
        return "running" if self._is_open.is_set() else "paused"

    async def _search(self) -> None:
        job = JobSpec.model_validate_json(self._folder.read("spec.json") or b"")
        splits = decode_splits(self._folder.read("splits.json") or b"")
        terms = decode_terms(self._folder.read("terms.json") or b"")
        replay = [decode_entry(line) for line in self._folder.lines("journal.jsonl")]
        scorer = await self._models.scorer(terms.target_arguments, first_identities(replay), self.view.id)
        rewriter, first = job.models.rewriter, job.models.targets[0]
        ports = SearchPorts(
            scorer=_GatedScorer(scorer, self._passed),
            rewriter=_GatedGenerator(
                await self._models.generator(rewriter, terms.rewriter_arguments, self.view.id), self._passed
            ),
            target=_GatedGenerator(
                await self._models.generator(first, terms.target_arguments[first], self.view.id), self._passed
            ),
            clock=_RunClock(),
            journal=_FileJournal(self._folder),
            replay=replay,
        )
        events: list[Event] = []
        num_stored = len(self._folder.lines("events.jsonl"))
        async with aclosing(cast(AsyncGenerator[Event, None], drive(job, splits, ports, terms.prices))) as found:
            async for event in found:
                events.append(event)
                self._record(event, is_new=event.number > num_stored)
        view = job_result(self.view.id, job, events, self.view.splits, scorer.identity)
        view = view.model_copy(update={"datasets": self.view.datasets})
        self._folder.save_result(view.model_dump_json().encode())
        self.change(state="succeeded", stop_reason=view.stop_reason, verdict=view.verdict)

    def _record(self, event: Event, *, is_new: bool) -> None:
        progress = advance(self.view.progress, event)
        if not is_new:
            self.view = self.view.model_copy(update={"progress": progress})
            return
        self._folder.append("events.jsonl", [encode_event(event)])
        best = best_prompt_after(event)
        if progress != self.view.progress or best is not None:
            self.change(progress=progress, **({} if best is None else {"best_prompt": best}))
        else:
            self._tell()

    async def _passed(self, call: Callable[[], Awaitable[T]]) -> T:
        """The answer of a call, which waits for the end of a pause."""
        await self._is_open.wait()
        return await call()


class _RunClock:
    """Seconds of this attempt; the search goes on from what earlier ones journaled."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()

    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_at


class _FileJournal:
    """The search's journal: a line an answer, on the disk before the answer is used."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    async def append(self, call: int, kind: str, digest: str, answer: object) -> None:
        self._folder.append("journal.jsonl", [encode_entry(JournalEntry(call, kind, digest, answer))])


Pass = Callable[[Callable[[], Awaitable[T]]], Awaitable[T]]


class _GatedScorer:
    def __init__(self, scorer: IdentifiedScorer, passed: Pass[Scores]) -> None:
        self._scorer = scorer
        self._passed = passed

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        return await self._passed(lambda: self._scorer.score(prompts, examples))

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        return await self._scorer.num_scored_tokens(prompts, examples)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self._scorer.count_tokens(texts)


class _GatedGenerator:
    def __init__(self, generator: Generator, passed: Pass[list[list[Completion]]]) -> None:
        self._generator = generator
        self._passed = passed

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        return await self._passed(lambda: self._generator.generate(requests))
