"""One loop, one engine thread: requests that wait together run together, and every request is answered.

Life of a request: it is appended to the queue with a future; the loop takes what waits (one kind at a time, the oldest
first, a bounded number of tokens), runs it on the engine's thread, and settles the futures. A large scoring request is
run in slices and goes to the end of the queue between them, so that nobody waits for all of it. A request whose caller
has gone (its future is cancelled) is dropped before it is run. When the engine raises, every request in the
batch and in the queue fails; the engine is checked, and if the check fails the batcher refuses everything from then on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pmpo.errors import EngineError, PmpoError, ScorerUnavailableError
from services.scorer.engines.base import Engine, ScoredItems, TokenItem
from services.scorer.generation.types import Generator, Sample, SamplingRequest
from services.scorer.work import SampleWork, ScoreWork, Stopwatch, Work

logger = logging.getLogger(__name__)
ROUND_TOKENS_PER_BATCH_TOKEN = 8


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of one request and the seconds it waited and ran."""

    items: ScoredItems
    queue_s: float
    compute_s: float


@dataclass(frozen=True, slots=True)
class Sampled:
    """Samples of one request and the seconds it waited and ran."""

    samples: tuple[Sample, ...]
    queue_s: float
    compute_s: float


class Batcher:
    """Feeds the engine. Its methods are called on one event loop; ``start`` before, ``close`` after."""

    def __init__(self, engine: Engine, generator: Generator, *, max_round_tokens: int, is_deterministic: bool) -> None:
        self._engine = engine
        self._generator = generator
        self._max_round_tokens = max_round_tokens
        self._is_deterministic = is_deterministic
        self._queue: deque[Work] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._loop_task: asyncio.Task[None] | None = None
        self._closed_because: str | None = None

    @property
    def closed_because(self) -> str | None:
        """Why no request is taken any more; None while all is well."""
        return self._closed_because

    @property
    def peak_memory_bytes(self) -> int | None:
        """See ``Engine``."""
        return self._engine.peak_memory_bytes

    def start(self) -> None:
        """Start the loop."""
        self._loop_task = asyncio.get_running_loop().create_task(self._run_loop(), name="batcher")

    async def close(self) -> None:
        """Fail what waits and stop the loop; a batch that runs is not waited for."""
        self._closed_because = self._closed_because or "the scorer is stopping"
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def score(self, items: Sequence[TokenItem]) -> Scored:
        """Scores in the order of the items.

        Raises:
            NonFiniteScoreError: the model gave NaN or infinity for one of them.
            EngineError: the engine failed on this request.
            ScorerUnavailableError: the engine failed or stops; the request may be sent again.
        """
        future: asyncio.Future[ScoredItems] = asyncio.get_running_loop().create_future()
        work = ScoreWork(items, future, Stopwatch(time.perf_counter()))
        self._put(work)
        return Scored(await future, work.stopwatch.queue_s or 0.0, work.stopwatch.compute_s)

    async def sample(self, request: SamplingRequest) -> Sampled:
        """The samples of one request, in order. Raises as ``score``."""
        future: asyncio.Future[tuple[Sample, ...]] = asyncio.get_running_loop().create_future()
        work = SampleWork(request, future, Stopwatch(time.perf_counter()))
        self._put(work)
        return Sampled(await future, work.stopwatch.queue_s or 0.0, work.stopwatch.compute_s)

    def _put(self, work: Work) -> None:
        if self._closed_because is not None:
            raise ScorerUnavailableError(self._closed_because)
        self._queue.append(work)
        self._arrived.set()

    async def _run_loop(self) -> None:
        batch: list[Work] = []
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while batch := self._take():
                    await self._run(batch)
        finally:
            self._closed_because = self._closed_because or "the scorer's batcher has stopped"
            _fail(batch, ScorerUnavailableError(self._closed_because))
            self._fail_waiting(self._closed_because)

    def _take(self) -> list[Work]:
        """The next batch: all of the oldest request's kind that a round may hold, at least that one. Drops who left."""
        waiting = [work for work in self._queue if not work.future.done()]
        batch: list[Work] = []
        left: deque[Work] = deque()
        room = self._max_round_tokens
        for work in waiting:
            is_company = not self._is_deterministic and type(work) is type(waiting[0]) and room > 0
            if not batch or is_company:
                room -= work.take_slice(room)
                batch.append(work)
            else:
                left.append(work)
        self._queue = left
        return batch

    async def _run(self, batch: list[Work]) -> None:
        """Run a batch on the engine's thread, settle what is finished, queue what is not."""
        started_at = time.perf_counter()
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._compute, batch)
        except Exception as error:
            logger.exception("the engine failed on a batch of %d requests", len(batch))
            await self._fail_everything(batch, error)
            return
        for work in batch:
            work.stopwatch.note(started_at, time.perf_counter())
            if not work.try_settle():
                self._queue.append(work)

    def _compute(self, batch: Sequence[Work]) -> None:
        """On the engine's thread: one engine call for the batch, whose works are of one kind."""
        scoring = [work for work in batch if isinstance(work, ScoreWork)]
        sampling = [work for work in batch if isinstance(work, SampleWork)]
        if scoring:
            slices = [work.slice_items() for work in scoring]
            scored = self._engine.score([item for part in slices for item in part])
            for work, part in zip(scoring, _split(scored, [len(part) for part in slices]), strict=True):
                work.add_scores(part)
        if sampling:
            outcomes = self._generator.generate([work.request for work in sampling])
            for sample_work, outcome in zip(sampling, outcomes, strict=True):
                sample_work.outcome = outcome

    async def _fail_everything(self, batch: list[Work], error: Exception) -> None:
        """A lone request is told that the engine failed on it; in company the culprit is unknown: all may retry."""
        reason = error.message if isinstance(error, PmpoError) else f"{type(error).__name__}: {error}"
        sentence = f"the engine failed while this request was waiting ({reason}); send it again"
        alone = EngineError(f"the engine failed on this request: {reason}")
        _fail(batch, alone if len(batch) == 1 else ScorerUnavailableError(sentence))
        self._fail_waiting(sentence)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.self_check)
        except Exception:
            logger.exception("the engine does not pass its check any more; the scorer takes no more requests")
            self._closed_because = "the scorer's engine has failed for good; restart the scorer"
            self._fail_waiting(self._closed_because)

    def _fail_waiting(self, reason: str) -> None:
        waiting = list(self._queue)
        self._queue.clear()
        _fail(waiting, ScorerUnavailableError(reason))


def _fail(works: Sequence[Work], error: PmpoError) -> None:
    """Give every open future an error of its own: one exception object must not be raised in several tasks."""
    for work in works:
        if not work.future.done():
            work.future.set_exception(type(error)(error.message))


def _split(scored: ScoredItems, lengths: Sequence[int]) -> Iterator[ScoredItems]:
    """The scores of each request of a batch."""
    start = 0
    for length in lengths:
        end = start + length
        yield ScoredItems(scored.token_log_likelihoods[start:end], scored.computed_tokens[start:end])
        start = end
