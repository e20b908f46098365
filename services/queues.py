"""The two queues of job ids, in RQ: how an id is put there and what became of an entry.

A job may get several entries in its life, each under an id of its own: RQ gives up on an entry whose worker vanished
and keeps it in a registry, where a second entry of the same id would be lost. Entries carry no state: a worker that
takes a superfluous one finds the job held or finished and drops it. RQ retries nothing; the janitor alone requeues.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

import redis
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from services.store.connection import connect_blocking, store_errors

QUEUES = ("interactive", "overnight")
TASK = "services.worker.tasks.run_job"
NO_TIMEOUT = -1
RESULT_TTL_S = 300  # nothing reads what RQ keeps of an entry that was run
FAILURE_TTL_S = 86_400

P = ParamSpec("P")
T = TypeVar("T")


class JobQueues:
    """Entries of jobs, over a blocking client; its methods run in threads."""

    def __init__(self, client: redis.Redis, taken_for_s: float) -> None:
        """``taken_for_s``: how long an entry that a worker took may take to show a lease, before it counts as gone."""
        self._client = client
        self._taken_for_s = taken_for_s

    @classmethod
    def open(cls, url: str | None, taken_for_s: float) -> JobQueues:
        """The queues in the Redis at an address; the first connection is made by the first call.

        Raises:
            ConfigurationError: no address, or one that is none.
        """
        return cls(connect_blocking(url), taken_for_s)

    async def put(self, job_id: str, queue: str) -> str:
        """Enqueue a job's id; the id of the entry.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        entry_id = f"{job_id}-{uuid.uuid4().hex[:8]}"
        await asyncio.to_thread(_translated, self._put, job_id, queue, entry_id)
        return entry_id

    async def waiting(self) -> frozenset[str]:
        """The ids of all entries that no worker has taken.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        return await asyncio.to_thread(_translated, self._waiting)

    async def is_gone(self, entry_id: str) -> bool:
        """Whether an entry that does not wait any more will not be run either: it was, or its worker vanished.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        return await asyncio.to_thread(_translated, self._is_gone, entry_id)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _put(self, job_id: str, queue: str, entry_id: str) -> None:
        self._queue(queue).enqueue_call(
            TASK,
            args=(job_id,),
            timeout=NO_TIMEOUT,
            result_ttl=RESULT_TTL_S,
            failure_ttl=FAILURE_TTL_S,
            job_id=entry_id,
            description=f"job {job_id}",
        )

    def _waiting(self) -> frozenset[str]:
        return frozenset(entry_id for queue in QUEUES for entry_id in self._queue(queue).get_job_ids())

    def _is_gone(self, entry_id: str) -> bool:
        try:
            entry = Job.fetch(entry_id, connection=self._client, serializer=JSONSerializer)
        except NoSuchJobError:
            return True
        if entry.get_status(refresh=False) != JobStatus.STARTED or entry.started_at is None:
            return True
        return (datetime.now(UTC) - entry.started_at.astimezone(UTC)).total_seconds() > self._taken_for_s

    def _queue(self, name: str) -> Queue:
        return Queue(name, connection=self._client, serializer=JSONSerializer)


def _translated(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    with store_errors():
        return call(*args, **kwargs)
