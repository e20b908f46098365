"""Calls of the engine: who was in them is told how long they took, and who made them fail is found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from pmpo.errors import EngineError, InvalidInputError, PmpoError, UpstreamError
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
            if not _fail_if_it_says_all([part.work for part in parts], error):
                await self._outlive(error, f"on a round of {len(parts)} requests")
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
            is_told = _fail_if_it_says_all(works, error)
            reason = "" if is_told else await self._outlive(error, f"while it drew for {len(works)} requests")
            sampling.start_again(reason)
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
        if _fail_if_it_says_all([part.work], failure):
            return
        try:
            reason = await self._outlive(failure, "on one request")
        except EngineDeadError as death:
            part.work.fail(EngineError(f"the engine died of this request: {death.reason}"))
            raise
        told = failure if isinstance(failure, UpstreamError) else None
        part.work.fail(told or EngineError(f"the engine failed on this request: {reason}"))

    async def _outlive(self, failure: Exception, when: str) -> str:
        """As the room's. A refusal needs no check: the engine has looked at the request, not run it."""
        if isinstance(failure, InvalidInputError):
            return failure.message
        logger.error("the engine failed %s", when, exc_info=failure)
        return await self._room.outlive(failure)

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


def _fail_if_it_says_all(works: Sequence[Work[Any]], failure: Exception) -> bool:
    """Whether a failure is to be told as it is, and nothing else to be done about it.

    So it is with one that passes by itself (a model server is away), and with the refusal of a request that was alone.
    """
    if not isinstance(failure, PmpoError):
        return False
    if not failure.retryable and not (isinstance(failure, InvalidInputError) and len(works) == 1):
        return False
    fail_all(works, failure)
    return True
