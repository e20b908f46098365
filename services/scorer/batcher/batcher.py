"""The loop: a scoring round, then sampling for as long, then the next round; and what is done when the engine fails."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from pmpo.errors import EngineError, PmpoError
from services.scorer.batcher.calls import EngineCalls
from services.scorer.batcher.engine_room import EngineDeadError, EngineRoom
from services.scorer.batcher.items import PreparedItems
from services.scorer.batcher.memo import MemoCounts, ScoreMemo
from services.scorer.batcher.pace import Pace
from services.scorer.batcher.sampling import Floor, Sampling
from services.scorer.batcher.scoring import Round, Scoring
from services.scorer.batcher.types import BatchLimits, Observer, Sampled, Scored, Trouble
from services.scorer.batcher.work import SampleWork, ScoreWork, Stopwatch
from services.scorer.engines.base import ScoredItems
from services.scorer.generation.types import Sample, SamplingRequest

logger = logging.getLogger(__name__)
RESTART_RETRY_S = 5.0
TURNS_PER_SLICE = 4  # so that several jobs get their turns within one forward pass


class Batcher:
    """Feeds the engine. Its methods are called on one event loop; ``start`` before, ``close`` after.

    Args:
        room: the engine, the generator and their thread.
        limits: how much runs at a time.
        observer: is told what ran.
        clock: seconds that never fall.
    """

    def __init__(
        self,
        room: EngineRoom,
        limits: BatchLimits,
        observer: Observer,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._room = room
        self._clock = clock
        self._pace = Pace(limits, clock)
        self._calls = EngineCalls(room, observer, clock)
        self._memo = ScoreMemo(limits.memo_bytes if limits.remembers else 0)
        floor = Floor(room.max_cached_tokens, limits.slice_tokens, room.lets_rows_join)
        quantum = max(1, limits.slice_tokens // TURNS_PER_SLICE)
        self._scoring = Scoring(quantum, self._memo, is_deterministic=limits.is_deterministic)
        self._sampling = Sampling(limits.slice_tokens, floor, is_deterministic=limits.is_deterministic)
        self._next = self._new_round()
        self._current: Round | None = None
        self._arrived = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._trouble: Trouble | None = None

    @property
    def trouble(self) -> Trouble | None:
        """Why no request is taken now; None while all is well."""
        return self._trouble

    @property
    def memo_counts(self) -> MemoCounts:
        """What the memo of scores did."""
        return self._memo.counts

    @property
    def memo_bytes(self) -> int:
        """What the memo of scores holds."""
        return self._memo.num_bytes

    @property
    def num_restarts(self) -> int:
        """Restarts of the engine that were tried."""
        return self._room.num_restarts

    @property
    def peak_memory_bytes(self) -> int | None:
        """Of the engine; None where it does not know."""
        return self._room.peak_memory_bytes

    @property
    def num_jobs(self) -> int:
        """Lines of jobs that wait for scores or samples."""
        return self._scoring.num_jobs + self._sampling.num_jobs

    def start(self) -> None:
        """Start the loop."""
        self._loop_task = asyncio.get_running_loop().create_task(self._run_loop(), name="batcher")

    async def close(self) -> None:
        """Fail what waits and stop the loop; what runs on the engine is not waited for."""
        self._trouble = self._trouble or Trouble("the scorer is stopping")
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        self._room.close()

    async def score(self, prepared: PreparedItems, job: str) -> Scored:
        """Scores in the order of the items. ``job``: whose turn the request takes.

        Raises:
            NonFiniteScoreError: the model gave NaN or infinity for one of the items.
            EngineError: the engine failed on this request, twice.
            ScorerUnavailableError: the engine has died or stops; the request may be sent again.
        """
        self._refuse_in_trouble()
        if not prepared.items:
            return Scored(ScoredItems((), ()), 0.0, 0.0, 0)
        future: asyncio.Future[ScoredItems] = asyncio.get_running_loop().create_future()
        work = ScoreWork(job, future, Stopwatch(self._clock()), prepared)
        self._scoring.put(work)
        if self._current is not None:
            self._prepare()
        self._arrived.set()
        found = await future
        return Scored(found, work.stopwatch.queue_s or 0.0, work.stopwatch.compute_s, work.cached_tokens)

    async def sample(self, request: SamplingRequest, job: str) -> Sampled:
        """The samples of one request, in order. Raises as ``score``."""
        self._refuse_in_trouble()
        future: asyncio.Future[tuple[Sample, ...]] = asyncio.get_running_loop().create_future()
        work = SampleWork(job, future, Stopwatch(self._clock()), request)
        self._sampling.put(work)
        self._arrived.set()
        samples = await future
        return Sampled(samples, work.stopwatch.queue_s or 0.0, work.stopwatch.compute_s)

    def _refuse_in_trouble(self) -> None:
        if self._trouble is not None:
            raise self._trouble.error

    async def _run_loop(self) -> None:
        try:
            while True:
                await self._something_to_do()
                try:
                    await self._sample_for(await self._score_round())
                except EngineDeadError as death:
                    await self._restart(death.reason)
        except Exception:
            logger.exception("the batcher has stopped")
            raise
        finally:
            self._trouble = self._trouble or Trouble("the scorer's batcher has stopped; restart the scorer")
            self._fail_everything(self._trouble.error)

    async def _something_to_do(self) -> None:
        while not (self._scoring_waits or self._sampling.is_busy):
            self._arrived.clear()
            await self._arrived.wait()

    @property
    def _scoring_waits(self) -> bool:
        return not self._next.is_empty or self._scoring.waits

    def _new_round(self) -> Round:
        return Round(self._pace.room(is_sampling=self._sampling.is_busy))

    def _prepare(self) -> None:
        """Fill the next round while one runs. What comes until then finds room in it, too."""
        self._scoring.fill(self._next, spared=self._next.size // 2)

    async def _score_round(self) -> float:
        """Run the round that was prepared, completed with what has come since. Answers the seconds it took."""
        round_ = self._next
        round_.size = self._pace.room(is_sampling=self._sampling.is_busy)
        self._scoring.drop_needless(round_)
        self._scoring.fill(round_)
        self._next = self._new_round()
        if round_.is_empty:
            return 0.0
        self._current = round_
        self._prepare()
        started_at = self._clock()
        await self._calls.score(round_, self._scoring)
        self._current = None
        seconds = self._clock() - started_at
        self._pace.observe(round_.num_tokens, seconds)
        return seconds

    async def _sample_for(self, seconds: float) -> None:
        """Draw tokens until nothing is left to draw, or for about so long when scoring waits; at least one."""
        ends_at = self._clock() + seconds
        while self._sampling.is_busy:
            await self._calls.draw(self._sampling)
            if self._scoring_waits and self._clock() >= ends_at:
                return

    async def _restart(self, reason: str) -> None:
        """Fail everybody in a way that may be tried again, and take nobody in until the engine is back."""
        died = f"the scorer's engine died ({reason})"

        def tell(which: str) -> None:
            self._trouble = Trouble(f"{died} and is being restarted ({which}); send this again", RESTART_RETRY_S)

        tell("now")
        self._fail_everything(Trouble(f"{died} and is being restarted; send this again", RESTART_RETRY_S).error)
        try:
            await self._room.restart(tell)
        except EngineError as error:
            self._trouble = Trouble(f"{died} for good: {error.message}; restart the scorer")
            logger.error("the scorer takes no more requests: %s", self._trouble.reason)
        else:
            self._trouble = None

    def _fail_everything(self, error: PmpoError) -> None:
        for round_ in (self._current, self._next):
            for work in round_.works if round_ is not None else ():
                work.fail(error)
        self._current = None
        self._next = self._new_round()
        self._scoring.fail(error)
        self._sampling.fail(error)
