"""Jobs that schedules make: on a real Redis, with times that are set."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.schedules import ScheduleOutcome
from pmpo.errors import ConflictError
from services.queues import JobQueues
from services.store import keys
from services.store.schedule_records import NewSchedule
from services.store.store import Store
from services.worker.schedules.making import GRACE_S, MakingJobs, job_id_of

from .scheduled import become_due, finish, jobs_of, scheduled

TOLD = ScheduleOutcome(decision="made", due_at=0.0, at=0.0, detail="job j9")


async def test_a_time_that_comes_makes_one_job_in_its_queue(store: Store, queues: JobQueues) -> None:
    record = await scheduled(store)
    due_at = record.view.next_at
    for _ in range(2):
        await MakingJobs(store, queues).perform()
    assert await jobs_of(store) == [job_id_of("sch_1", due_at)]
    (entry,) = await queues.waiting()
    job = await store.jobs.get(job_id_of("sch_1", due_at))
    assert (job.state, job.queue, job.enqueued_id) == ("queued", "overnight", entry)
    after = (await store.schedules.get("sch_1")).view
    assert (after.num_runs, after.last_job_id) == (1, job.id)
    assert after.next_at > time.time() and after.next_at % 3600 == 0


async def test_two_janitors_at_once_make_one_job(store: Store, queues: JobQueues) -> None:
    await scheduled(store)
    await asyncio.gather(*(MakingJobs(store, queues).perform() for _ in range(8)))
    assert len(await jobs_of(store)) == 1
    assert (await store.schedules.get("sch_1")).view.num_runs == 1
    assert len(await queues.waiting()) == 1


async def test_a_crash_between_job_and_queue_is_repaired_by_the_duty_to_requeue(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    record = await scheduled(store)
    template = await store.schedules.template("sch_1")
    assert await store.schedules.run(record, int(time.time()) + 3600, replace(template, id="j9"), TOLD, is_held=False)
    assert not await store.schedules.run(
        record, int(time.time()) + 3600, replace(template, id="j9"), TOLD, is_held=False
    )
    await MakingJobs(store, queues).perform()
    assert await jobs_of(store) == ["j9"]
    assert (await store.jobs.get("j9")).state == "queued"
    assert await redis.sismember(keys.ACTIVE_JOBS, "j9")


async def test_each_job_has_a_seed_of_its_own_and_the_splits_of_the_first(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    await scheduled(store, overlap="skip")
    seeds, splits = [], []
    for hour in range(3):
        await become_due(store, redis, time.time() - hour)
        await MakingJobs(store, queues).perform()
        job_id = (await store.schedules.get("sch_1")).view.last_job_id
        assert job_id is not None
        seeds.append(JobSpec.model_validate_json(await store.jobs.spec(job_id)).seed)
        splits.append(await store.jobs.splits(job_id))
        await finish(store, job_id)
    assert seeds == [7, 8, 9]
    assert len(set(splits)) == 1


async def test_a_time_is_skipped_while_the_last_job_is_not_over(store: Store, queues: JobQueues, redis: Redis) -> None:
    await scheduled(store)
    await MakingJobs(store, queues).perform()
    await become_due(store, redis)
    await MakingJobs(store, queues).perform()
    found = (await store.schedules.get("sch_1")).view
    assert (found.num_runs, found.num_skipped, len(await jobs_of(store))) == (1, 1, 1)
    assert found.next_at > time.time()


async def test_with_queue_a_time_waits_for_the_end_of_the_last_job_however_long(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    record = await scheduled(store, overlap="queue")
    await MakingJobs(store, queues).perform()
    await become_due(store, redis, time.time() - 5)
    await MakingJobs(store, queues).perform()
    waiting = await store.schedules.get("sch_1")
    assert (waiting.waits, waiting.view.num_runs) == (True, 1)
    await redis.hset(keys.schedule("sch_1"), "next_at", str(int(time.time() - 10 * GRACE_S)))
    await finish(store, job_id_of("sch_1", record.view.next_at))
    await MakingJobs(store, queues).perform()
    after = await store.schedules.get("sch_1")
    assert (after.view.num_runs, after.view.num_missed, after.waits) == (2, 0, False)


@pytest.mark.parametrize(("catch_up", "num_runs", "num_missed"), [("none", 0, 25), ("once", 1, 0)])
async def test_times_at_which_no_worker_ran(
    store: Store, queues: JobQueues, catch_up: str, num_runs: int, num_missed: int
) -> None:
    hour = int(time.time()) // 3600 * 3600
    await scheduled(store, due_at=hour - 25 * 3600 + 3600, catch_up=catch_up, cron="0 * * * *")
    await MakingJobs(store, queues).perform()
    found = (await store.schedules.get("sch_1")).view
    assert (found.num_runs, found.num_missed) == (num_runs, num_missed)
    assert len(await jobs_of(store)) == num_runs
    assert found.next_at > time.time()


async def test_a_deleted_schedule_makes_nothing_and_leaves_nothing(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    record = await scheduled(store)
    template = await store.schedules.template("sch_1")
    await store.schedules.delete(record)
    assert not await store.schedules.run(record, 1, replace(template, id="j9"), TOLD, is_held=False)
    await store.schedules.hold_job(record, "j9")
    await MakingJobs(store, queues).perform()
    assert await jobs_of(store) == []
    assert [key async for key in redis.scan_iter("pmpo:schedule*")] == []


async def test_what_became_of_a_time_is_told(store: Store, queues: JobQueues, redis: Redis) -> None:
    record = await scheduled(store)
    assert record.view.last_outcome is None
    await MakingJobs(store, queues).perform()
    (job_id,) = await jobs_of(store)
    made = (await store.schedules.get("sch_1")).view.last_outcome
    assert made is not None
    assert (made.decision, made.due_at, made.detail) == ("made", record.view.next_at, f"job {job_id}")
    assert made.due_at <= made.at <= time.time()
    await become_due(store, redis)
    await MakingJobs(store, queues).perform()
    skipped = (await store.schedules.get("sch_1")).view.last_outcome
    assert skipped is not None
    assert (skipped.decision, f"job {job_id} is queued" in skipped.detail) == ("skipped", True)


async def test_a_time_that_cannot_be_used_says_why_and_holds_up_no_other_schedule(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    await scheduled(store)
    await redis.hset(keys.schedule("sch_1"), "timezone", "Europe/Berln")
    template = await store.schedules.template("sch_1")
    other = NewSchedule("sch_2", "n", "@daily", "UTC", "skip", "none", None, 1.0, int(time.time()), template)
    await store.schedules.create(other, 200, None, b"")
    await MakingJobs(store, queues).perform()
    assert (await store.schedules.get("sch_2")).view.num_runs == 1
    failed = await store.schedules.get("sch_1")
    assert failed.view.last_outcome is not None
    assert failed.view.last_outcome.decision == "failed"
    assert "there is no time zone 'Europe/Berln'" in failed.view.last_outcome.detail
    await redis.hset(keys.schedule("sch_1"), "timezone", "Europe/Berlin")
    await MakingJobs(store, queues).perform()
    assert (await store.schedules.get("sch_1")).view.num_runs == 1


async def test_a_job_that_this_version_cannot_read_is_told_and_holds_up_no_other_schedule(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    await scheduled(store)
    template = await store.schedules.template("sch_1")
    await redis.hset(keys.schedule("sch_1"), "spec", template.spec.replace(b'"min_delta":0.0001', b'"min_delta":null'))
    later = NewSchedule("sch_2", "n", "@daily", "UTC", "skip", "none", None, 1.0, int(time.time()), template)
    await store.schedules.create(later, 200, None, b"")
    await MakingJobs(store, queues).perform()
    assert (await store.schedules.get("sch_2")).view.num_runs == 1
    outcome = (await store.schedules.get("sch_1")).view.last_outcome
    assert outcome is not None
    assert outcome.decision == "failed"
    assert "the job cannot be read (optimizer.min_delta: " in outcome.detail


async def test_a_paused_schedule_makes_nothing_also_when_it_is_paused_while_somebody_looks(
    store: Store, queues: JobQueues
) -> None:
    seen = await scheduled(store)
    assert await store.schedules.pause(seen)
    assert await store.schedules.due(time.time() + 1e6) == []
    template = await store.schedules.template("sch_1")
    next_at = int(time.time()) + 3600
    assert not await store.schedules.run(seen, next_at, replace(template, id="j9"), TOLD, is_held=False)
    assert not await store.schedules.pass_over(seen, next_at, TOLD, "num_skipped")
    await store.schedules.put_off(seen, time.time(), TOLD, waits=True)
    await MakingJobs(store, queues).perform()
    found = await store.schedules.get("sch_1")
    assert await jobs_of(store) == []
    assert (found.view.next_at, found.waits, found.view.last_outcome) == (seen.view.next_at, False, None)
    assert await store.schedules.resume(found, int(found.view.next_at), TOLD, 0)
    assert not await store.schedules.resume(found, int(found.view.next_at), TOLD, 5)
    await MakingJobs(store, queues).perform()
    assert (await store.schedules.get("sch_1")).view.num_runs == 1


async def test_a_project_has_a_limited_number_of_schedules(store: Store) -> None:
    record = await scheduled(store)
    template = await store.schedules.template(record.id)
    another = NewSchedule("sch_2", "n", "@daily", "UTC", "skip", "none", None, 1.0, 1, template)
    with pytest.raises(ConflictError, match="the project has 1 schedules, and no more"):
        await store.schedules.create(another, 1, None, b"")
    assert [each.id for each in await store.schedules.of("default")] == ["sch_1"]


def test_interactive_jobs_come_before_overnight_ones(queues: JobQueues, redis_url: str) -> None:
    """RQ's worker empties its queues in the order in which they are named."""
    from rq import Queue
    from rq.serializers import JSONSerializer

    from services.queues import QUEUES
    from services.store.connection import connect_blocking

    asyncio.run(queues.put("late", "overnight"))
    asyncio.run(queues.put("now", "interactive"))
    client = connect_blocking(redis_url)
    listened = [Queue(name, connection=client, serializer=JSONSerializer) for name in QUEUES]
    taken = []
    for _ in range(2):
        found = Queue.dequeue_any(listened, None, connection=client, serializer=JSONSerializer)
        assert found is not None
        taken.append(found[0].args[0])
    client.close()
    assert taken == ["now", "late"]
