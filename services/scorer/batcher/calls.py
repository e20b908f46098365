"""Calls of the engine: who was in them is told how long they took, and who made them fail is found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from pmpo.errors import EngineError, PmpoError
from services.scorer.batcher.engine_room import EngineDeadError, EngineRoom
from services.scorer.batcher.sampling import Sampling
from services.scorer.batcher.scoring import Part, Round, Scoring, has_bad_numbers
from services.scorer.batcher.types import Observer
from services.scorer.batcher.work import Work, fail_all
from services.scorer.engines.base import ScoredItems

logger = logging.getLogger(__name__)


class EngineCalls:
    """Runs rounds and turns. Both raise EngineDeadError when the engine has died of it; nothing is settled then."""

    def __init__(self, room: EngineRoom, observer: Observer, clock: Callable[[], float]) -> None:
        self._room = room
        self._observer = observer
        self._clock = clock

    async def score(self, round_: Round, scoring: Scoring) -> None:
        """Score a round in one call. Where that fails or gives bad numbers, each request is run once more, alone."""
        parts = round_.parts
        try:
            scored = await self._call(parts)
        except Exception as error:
            logger.exception("the engine failed on a round of %d requests", len(parts))
            if not _fail_if_it_passes([part.work for part in parts], error):
                await self._room.outlive(error)
                await self._redo(parts, scoring)
            return
        suspects = []
        for part, found in round_.split(scored):
            if has_bad_numbers(found) and len(parts) > 1:
                suspects.append(part)
            else:
                scoring.settle(part, found)
        await self._redo(suspects, scoring)

    async def draw(self, sampling: Sampling) -> None:
        """Draw one token for every row. Where that fails, each request of the batch is drawn once more, alone."""
        leaving, joining = sampling.leave(), sampling.join()
        works, num_rows = sampling.works, sampling.num_rows
        started_at = self._clock()
        try:
            ends = await self._room.turn(leaving, joining)
        except Exception as error:
            logger.exception("the engine failed while it drew for %d requests", len(works))
            passes = _fail_if_it_passes(works, error)
            sampling.start_again("" if passes else await self._room.outlive(error))
            return
        ended_at = self._clock()
        for work in works:
            work.stopwatch.note(started_at, ended_at)
        sampling.settle(ends)
        self._observer.turn_ended(num_rows, ended_at - started_at)

    async def _redo(self, parts: Sequence[Part], scoring: Scoring) -> None:
        for part in parts:
            if part.work.is_over:
                continue
            try:
                scored = await self._call([part])
            except Exception as error:
                await self._blame(part, error)
            else:
                scoring.settle(part, scored)

    async def _blame(self, part: Part, failure: Exception) -> None:
        """Fail the request that failed alone: it is the culprit, also when the engine has died of it."""
        if _fail_if_it_passes([part.work], failure):
            return
        try:
            reason = await self._room.outlive(failure)
        except EngineDeadError as death:
            part.work.fail(EngineError(f"the engine died of this request: {death.reason}"))
            raise
        part.work.fail(EngineError(f"the engine failed on this request: {reason}"))

    async def _call(self, parts: Sequence[Part]) -> ScoredItems:
        items = [item for part in parts for item in part.items]
        started_at = self._clock()
        scored = await self._room.score(items)
        ended_at = self._clock()
        for part in parts:
            part.work.stopwatch.note(started_at, ended_at)
        num_tokens = sum(item.num_tokens for item in items)
        self._observer.round_ended(len(items), num_tokens, sum(scored.computed_tokens), ended_at - started_at)
        return scored


def _fail_if_it_passes(works: Sequence[Work[Any]], failure: Exception) -> bool:
    """Whether a failure is nobody's fault and passes by itself (a model server is away): then it is told as it is."""
    if not (isinstance(failure, PmpoError) and failure.retryable):
        return False
    fail_all(works, failure)
    return True
