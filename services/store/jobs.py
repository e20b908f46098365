"""Jobs: saved first, moved from state to state by compare-and-set."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple, cast

from redis.asyncio import Redis

from pmpo.contracts.jobs import FINAL_STATES, JobState
from pmpo.contracts.keys import DEFAULT_PROJECT
from pmpo.errors import ConflictError, NotFoundError
from services.store import admission, keys, scripts
from services.store.admission import JobCounts, JobLimits, asked
from services.store.calls import ScriptCall
from services.store.connection import Commands
from services.store.idempotency import KeyedRequest
from services.store.leases import Lease, lease_lost
from services.store.records import FIELDS, JobRecord, NewJob, first_fields, read_record

PAGE = 500


class JobPlace(NamedTuple):
    """A job's place in the list of its project, newest first: the order of these, reversed."""

    created_at: float
    job_id: str


class Jobs:
    """All jobs of one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commands = Commands()
        self._move = redis.register_script(scripts.MOVE)
        self._count = redis.register_script(admission.COUNT)
        self._create = redis.register_script(scripts.CREATE)
        self._note_entry = redis.register_script(scripts.NOTE_ENTRY)

    async def counts(self, project: str) -> JobCounts:
        """How many jobs wait, and how many of a project are not over."""
        touched = [keys.ACTIVE_JOBS, keys.ENDED_JOBS]
        given = asked(project, time.time())
        return JobCounts.read(await self._commands.run(self._count(keys=touched, args=given)))

    async def create(
        self, job: NewJob, request: KeyedRequest | None = None, answer: bytes = b"", *, limits: JobLimits | None = None
    ) -> bytes | None:
        """Save a job in state queued, and with a key the answer to its request, in one step, if there is room for it.

        Returns:
            None when the job was saved; the answer of an earlier request with the same key and body, in whose place
            nothing was saved.

        Raises:
            IdempotencyKeyReusedError: the key was used for another body; nothing was saved.
            OverloadedError: as many jobs as ``limits`` allow are there already; nothing was saved.
        """
        now = time.time()
        remembered = request.redis_key if request else keys.job(job.id)
        touched = [keys.job(job.id), keys.jobs(job.project), keys.ACTIVE_JOBS, remembered, keys.ENDED_JOBS]
        pairs = [part for pair in first_fields(job, now).items() for part in pair]
        record = request.record(answer) if request else b""
        given = [now, job.id, record, keys.IDEMPOTENCY_TTL_S, *asked(job.project, now, limits), *pairs]
        known = await self._commands.run(self._create(keys=touched, args=given))
        if limits and isinstance(known, list):
            JobCounts.read(known).check(limits)
        return request.answer_in(known) if request and known is not None else None

    async def get(self, job_id: str) -> JobRecord:
        """One job.

        Raises:
            NotFoundError: there is none of that id.
        """
        record = (await self._read([job_id]))[0]
        if record is None:
            raise no_such_job(job_id)
        return record

    async def require(self, job_id: str, project: str) -> None:
        """See that a job is there and belongs to a project; it never moves to another.

        Raises:
            NotFoundError: there is none of that id, or it is another project's, which makes no difference.
        """
        reading = cast(Awaitable[list[bytes | None]], self._redis.hmget(keys.job(job_id), ["state", "project"]))
        state, owner = await self._commands.run(reading)
        if state is None or (owner or DEFAULT_PROJECT.encode()) != project.encode():
            raise no_such_job(job_id)

    async def newest(self, project: str, limit: int) -> list[JobRecord]:
        """The ``limit`` newest jobs of a project, newest first."""
        return await self.before(project, None, 0.0, limit)

    async def before(self, project: str, place: JobPlace | None, since: float, limit: int) -> list[JobRecord]:
        """The ``limit`` newest jobs of a project that come after ``place`` in its list, made at ``since`` or later."""
        latest = "+inf" if place is None else repr(place.created_at)
        found: list[str] = []
        offset, is_last = 0, False
        while len(found) < limit and not is_last:  # more than once where many jobs were made at the same moment
            reading = self._redis.zrevrangebyscore(
                keys.jobs(project), latest, repr(since), start=offset, num=limit + 1, withscores=True
            )
            rows = await self._commands.run(cast(Awaitable[list[tuple[bytes, float]]], reading))
            places = [JobPlace(score, name.decode()) for name, score in rows]
            found += [each.job_id for each in places if place is None or each < place]
            offset, is_last = offset + len(rows), len(rows) <= limit
        return [record for record in await self._read(found[:limit]) if record is not None]

    async def active(self) -> list[JobRecord]:
        """The jobs that are not in a final state."""
        ids = await self._commands.run(cast(Awaitable[set[bytes]], self._redis.smembers(keys.ACTIVE_JOBS)))
        return [record for record in await self._read(sorted(each.decode() for each in ids)) if record is not None]

    async def several(self, job_ids: Sequence[str]) -> list[JobRecord]:
        """The jobs of these ids that there are, in this order."""
        pages = [await self._read(job_ids[at : at + PAGE]) for at in range(0, len(job_ids), PAGE)]
        return [record for page in pages for record in page if record is not None]

    async def version(self, job_id: str) -> int:
        """A number that rises with every change of the job; 0 when there is none."""
        return int(await self._field(job_id, "version") or 0)

    async def state(self, job_id: str) -> JobState:
        """The state alone.

        Raises:
            NotFoundError: there is no job of that id.
        """
        found = await self._field(job_id, "state")
        if found is None:
            raise no_such_job(job_id)
        return cast(JobState, found.decode())

    async def spec(self, job_id: str) -> bytes:
        """The spec that was saved with the job."""
        return await self._required(job_id, "spec")

    async def splits(self, job_id: str) -> bytes:
        """The splits that were saved with the job."""
        return await self._required(job_id, "splits")

    async def terms(self, job_id: str) -> bytes:
        """The terms that were saved with the job; empty for one that an earlier version saved."""
        return await self._field(job_id, "terms") or b""

    async def result(self, job_id: str) -> bytes | None:
        """The result; None as long as there is none."""
        return await self._field(job_id, "result")

    async def move(
        self,
        job_id: str,
        origins: Sequence[JobState],
        target: JobState,
        *,
        lease: Lease | None = None,
        only_unheld: bool = False,
        only_held: bool = False,
        drops_lease: bool = False,
        changes: Mapping[str, str | bytes | float] | None = None,
        also: ScriptCall | None = None,
    ) -> JobState:
        """Move a job to another state, with changes of its fields, in one step; answers the state it was in.

        Args:
            job_id: the job.
            origins: states it may be in.
            target: the state it gets.
            lease: the mover's hold on the job, if it must hold it.
            only_unheld: refuse when anybody holds the job.
            only_held: refuse when nobody does.
            drops_lease: the hold on the job ends with the move, whoever's it is.
            changes: fields of the job's hash.
            also: what happens in the same step; it must look for itself whether the move took place.

        Raises:
            NotFoundError: there is no job of that id.
            LeaseLostError: ``lease`` is not the holder's any more.
            ConflictError: the job is in another state, or held.
        """
        final = int(target in FINAL_STATES)
        required = lease.value if lease else "none" if only_unheld else "some" if only_held else "any"
        pairs = [part for pair in (changes or {}).items() for part in pair]
        ended = [keys.ENDED_JOBS, keys.ENDED_WITH_JOURNAL, keys.ENDED_WITH_EVENTS, keys.WEBHOOKS]
        touched = [keys.job(job_id), keys.ACTIVE_JOBS, keys.lease(job_id), *ended]
        given = [required, f",{','.join(origins)},", target, final, time.time(), job_id, int(drops_lease), *pairs]
        if also is None:
            said, state = await self._commands.run(self._move(keys=touched, args=given))
        else:
            pipe = self._redis.pipeline(transaction=True)
            await self._move(keys=touched, args=given, client=pipe)
            await also.script(keys=also.keys, args=also.args, client=pipe)
            said, state = (await self._commands.run(pipe.execute()))[0]
        _check_move(said.decode(), job_id, state.decode(), target)
        return cast(JobState, state.decode())

    async def note_entry(self, job_id: str, enqueued_id: str) -> None:
        """Remember the entry of a queued job in its queue."""
        await self._commands.run(self._note_entry(keys=[keys.job(job_id)], args=[enqueued_id]))

    async def _read(self, job_ids: Sequence[str]) -> list[JobRecord | None]:
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.hmget(keys.job(job_id), FIELDS)
        rows = await self._commands.run(pipe.execute())
        return [read_record(job_id, row) for job_id, row in zip(job_ids, rows, strict=True)]

    async def _field(self, job_id: str, name: str) -> bytes | None:
        return await self._commands.run(cast(Awaitable[bytes | None], self._redis.hget(keys.job(job_id), name)))

    async def _required(self, job_id: str, name: str) -> bytes:
        found = await self._field(job_id, name)
        if found is None:
            raise no_such_job(job_id)
        return found


def no_such_job(job_id: str) -> NotFoundError:
    """What is said of an id that no job has."""
    return NotFoundError(f"there is no job {job_id!r:.80}; list the jobs with GET /v1/jobs or `pmpo list`")


def _check_move(said: str, job_id: str, state: str, target: str) -> None:
    if said == "missing":
        raise no_such_job(job_id)
    if said == "lease_lost":
        raise lease_lost(job_id)
    if said == "held":
        raise ConflictError(f"job {job_id} is held by a worker, so it cannot be made {target} from outside")
    if said == "unheld":
        raise ConflictError(f"job {job_id} is held by nobody, so it cannot become {target}")
    if said == "refused":
        raise ConflictError(f"job {job_id} is {state}, so it cannot become {target}")
