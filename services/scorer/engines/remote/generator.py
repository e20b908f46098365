"""Generation on the servers that score: one call a sample, so that each sample's tokens are counted by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from pmpo.errors import PmpoError
from services.scorer.engines.remote.dialects.base import Dialect, Drawn
from services.scorer.engines.remote.session import Session
from services.scorer.generation.seeds import sample_seed
from services.scorer.generation.types import Sample, SamplingRequest
from services.scorer.rendering.codec import TextCodec


class OpensSessions(Protocol):
    """What is needed of an engine."""

    def open_session(self) -> Session:
        """A session over its servers, for one event loop."""


class RemoteGenerator:
    """Samples through the engine's fleet. ``end_ids``: tokens that end an answer."""

    def __init__(self, engine: OpensSessions, dialect: Dialect, codec: TextCodec, end_ids: frozenset[int]) -> None:
        self._engine = engine
        self._dialect = dialect
        self._codec = codec
        self._end_ids = end_ids

    def generate(self, requests: Sequence[SamplingRequest]) -> list[tuple[Sample, ...] | PmpoError]:
        """For each request its samples in order, or the error that it alone failed with."""
        return asyncio.run(self._generate(requests))

    async def _generate(self, requests: Sequence[SamplingRequest]) -> list[tuple[Sample, ...] | PmpoError]:
        async with self._engine.open_session() as session:
            return list(await asyncio.gather(*(self._request(session, request) for request in requests)))

    async def _request(self, session: Session, request: SamplingRequest) -> tuple[Sample, ...] | PmpoError:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._sample(session, request, sample_seed(request.seed, index)))
                    for index in range(request.num_samples)
                ]
        except BaseExceptionGroup as failures:
            first = failures.exceptions[0]
            if isinstance(first, PmpoError):
                return first
            raise first from None
        return tuple(task.result() for task in tasks)

    async def _sample(self, session: Session, request: SamplingRequest, seed: int) -> Sample:
        call = self._dialect.sampling(request, seed, sorted(self._end_ids))
        drawn = await session.call(call, len(request.prompt) + request.max_tokens, self._dialect.read_sample)
        return Sample(self._text(drawn, request.stops), drawn.num_tokens, drawn.finish_reason)

    def _text(self, drawn: Drawn, stops: Sequence[str]) -> str:
        """The answer's text, without what ends it."""
        text = drawn.text
        if drawn.ids is not None:
            text = self._codec.decode(drawn.ids[:-1] if drawn.ids and drawn.ids[-1] in self._end_ids else drawn.ids)
        return cut_at_stop(text, stops)


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop text."""
    places = [place for place in (text.find(stop) for stop in stops) if place >= 0]
    return text[: min(places)] if places else text
