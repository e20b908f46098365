"""Generation on the servers that score: one call a sample, so that each sample's tokens are counted by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from pmpo.errors import PmpoError
from pmpo.runtime.tasks import all_of
from services.scorer.engines.remote.dialects.base import Dialect, Drawn
from services.scorer.engines.remote.session import Session
from services.scorer.generation.endings import answer_text, stop_place
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
        seeds = [sample_seed(request.seed, index) for index in range(request.num_samples)]
        try:
            return tuple(await all_of(self._sample(session, request, seed) for seed in seeds))
        except PmpoError as error:
            return error

    async def _sample(self, session: Session, request: SamplingRequest, seed: int) -> Sample:
        call = self._dialect.sampling(request, seed, sorted(self._end_ids))
        drawn = await session.call(call, len(request.prompt) + request.max_tokens, self._dialect.read_sample)
        return Sample(self._text(drawn, request.stops), drawn.num_tokens, drawn.finish_reason)

    def _text(self, drawn: Drawn, stops: Sequence[str]) -> str:
        """The answer's text, without what ends it."""
        if drawn.ids is None:
            return drawn.text[: stop_place(drawn.text, stops)]
        return answer_text(self._codec, drawn.ids, self._end_ids, stops)
