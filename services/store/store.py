"""All of the store over one connection pool."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import cast

from redis.asyncio import Redis

from services.store.api_keys import ApiKeys
from services.store.connection import Commands, connect
from services.store.datasets import Datasets
from services.store.disposal import Disposal
from services.store.idempotency import RememberedAnswers
from services.store.jobs import Jobs
from services.store.journal import Journal
from services.store.leases import Leases
from services.store.orphans import Orphans
from services.store.prompt_snapshots import PromptSnapshots
from services.store.prompts import Prompts
from services.store.quotas import RequestCounts
from services.store.schedules import Schedules
from services.store.scores import SharedScores
from services.store.snapshots import Snapshots
from services.store.webhooks import Webhooks


class Store:
    """All that one Redis keeps: keys, jobs, schedules, journals, leases, webhooks, scores, answers, data sets, prompts.

    ``score_bytes`` bounds what the scores take.
    """

    def __init__(self, redis: Redis, lease_s: float, score_bytes: int = 0) -> None:
        self._redis = redis
        self._commands = Commands()
        self.api_keys = ApiKeys(redis)
        self.jobs = Jobs(redis)
        self.requests = RequestCounts(redis)
        self.remembered = RememberedAnswers(redis)
        self.journal = Journal(redis)
        self.leases = Leases(redis, lease_s)
        self.scores = SharedScores(redis, score_bytes)
        self.webhooks = Webhooks(redis)
        self.disposal = Disposal(redis)
        self.datasets = Datasets(redis)
        self.prompts = Prompts(redis)
        self.orphans = Orphans(redis)
        self.snapshots = Snapshots(redis)
        self.prompt_snapshots = PromptSnapshots(redis)
        self.schedules = Schedules(redis)

    @classmethod
    def open(cls, url: str | None, lease_s: float, score_bytes: int = 0) -> Store:
        """The store at an address; the first connection is made by the first call.

        Raises:
            ConfigurationError: no address, or one that is none.
        """
        return cls(connect(url), lease_s, score_bytes)

    async def ping(self) -> None:
        """Ask Redis whether it is there.

        Raises:
            StoreUnavailableError: it is not.
        """
        await self._commands.run(cast(Awaitable[object], self._redis.ping()))

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()
