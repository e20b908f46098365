"""The engine that lets a model server score: vLLM, SGLang, or whoever echoes log-probabilities.

Each call of ``score`` opens a session on an event loop of its own and closes it: no thread and no connection outlives a
batch, and what is known of the servers stays in the fleet. An item is one request; items that share a prompt are sent
one after another, so that the server's prefix cache has their beginning.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import httpx

from pmpo.errors import EngineError, UpstreamError
from pmpo.runtime.tasks import all_of
from services.scorer.engines.base import EngineIdentity, FloatArray, ScoredItems, TokenItem, spread
from services.scorer.engines.remote.dialects.base import Reading
from services.scorer.engines.remote.fleet import Fleet, Server
from services.scorer.engines.remote.probe import Prober, Proof
from services.scorer.engines.remote.session import Patience, Session
from services.scorer.engines.remote.transport import Access

logger = logging.getLogger(__name__)


class RemoteEngine:
    """Scores through servers that have passed the probe."""

    def __init__(
        self,
        fleet: Fleet,
        access: Access,
        prober: Prober,
        *,
        proof: Proof,
        identity: EngineIdentity,
        patience: Patience,
    ) -> None:
        self._fleet = fleet
        self._access = access
        self._prober = prober
        self._proof = proof
        self._identity = identity
        self._patience = patience

    @property
    def identity(self) -> EngineIdentity:
        """The model by the server's name for it, the engine and the limits."""
        return self._identity

    @property
    def peak_memory_bytes(self) -> int | None:
        """Not known: the servers' own."""
        return None

    def open_session(self) -> Session:
        """A session over the fleet, for one event loop."""
        return Session(self._fleet, self._access, self._patience, self._why_not)

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        """Log-likelihood of every target token of every item (nats). Repeated items are sent once.

        Raises:
            ScorerUnavailableError: no server answers.
            UpstreamError: a server refused an item, or gave what is no score.
        """
        distinct = sorted(set(items), key=lambda item: (item.context, item.target))
        found = dict(zip(distinct, asyncio.run(self._score(distinct)), strict=True))
        return spread(
            items,
            {item: _values(reading) for item, reading in found.items()},
            {item: item.num_tokens - reading.num_cached for item, reading in found.items()},
        )

    def self_check(self) -> None:
        """Ask every server that is in use for the probe's values again; one that differs is left out.

        Raises:
            EngineError: all servers answer, and none of them as at the start.
        """
        asyncio.run(self._self_check())

    async def _score(self, items: Sequence[TokenItem]) -> list[Reading]:
        async with self.open_session() as session:
            return await all_of(self._score_item(session, item) for item in items)

    async def _score_item(self, session: Session, item: TokenItem) -> Reading:
        dialect = self._proof.dialect
        for afresh in (False, True):
            call = dialect.scoring(item, afresh=afresh)
            reading = await session.call(call, item.num_tokens, lambda answer: dialect.read_scores(answer, item))
            if reading.values is not None:
                return reading
        raise UpstreamError(f"{dialect.name}: no scores came even without the prefix cache")

    async def _self_check(self) -> None:
        async with self._access.open() as http:
            reasons = [
                await self._prober.why_not(http, server.url, self._proof)
                for server in self._fleet.servers
                if server.ejected_until is None
            ]
        told = [reason for reason in reasons if reason and "another model" in reason]
        if told and len(told) == len(self._fleet.servers):
            raise EngineError(f"no model server gives the scores that it gave at the start: {told[0]}")
        for reason in filter(None, reasons):
            logger.warning("a model server does not pass its check: %s", reason)

    async def _why_not(self, http: httpx.AsyncClient, server: Server) -> str | None:
        return await self._prober.why_not(http, server.url, self._proof)


def _values(reading: Reading) -> FloatArray:
    """The values of a reading that has some."""
    if reading.values is None:
        raise RuntimeError("an item without scores was passed on")
    return reading.values
