"""Jobs that schedules make, and windows that hold them: on a real Redis, with times that are set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from pmpo.contracts.jobs import JobSpec, SplitSizes
from pmpo.contracts.schedules import ScheduleOutcome
from pmpo.errors import ConflictError, OverloadedError
from services.queues import JobQueues
from services.store import keys
from services.store.admission import JobLimits
from services.store.connection import connect
from services.store.records import NewJob
from services.store.schedule_records import NewSchedule, ScheduleRecord
from services.store.store import Store
from services.worker.schedules.making import GRACE_S, MakingJobs, job_id_of
from services.worker.schedules.windows import HoldingWindows

ROWS = [{"input": f"number {number}", "target": str(number)} for number in range(10)]
SPEC = JobSpec.model_validate({"name": "numbers", "prompt": "Say it.", "dataset": {"train": ROWS}, "seed": 7})
TOLD = ScheduleOutcome(decision="made", due_at=0.0, at=0.0, detail="job j9")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def scheduled(store: Store, due_at: float | None = None, **changes: Any) -> ScheduleRecord:
    """A schedule of every hour whose time has just come, or came at ``due_at``."""
    sizes = SplitSizes(train=5, validation=2, test=3)
    template = NewJob(
        "", "numbers", "optimize", "overnight", SPEC.model_dump_json().encode(), b"{}", b"{}", sizes, (), "Say it."
    )
    values: dict[str, Any] = {
        "id": "sch_1",
        "name": "numbers",
        "cron": "0 * * * *",
        "timezone": "UTC",
        "overlap": "skip",
        "catch_up": "none",
        "window": None,
        "created_at": time.time(),
        "next_at": int(time.time() if due_at is None else due_at),
        "template": template,
    }
    await store.schedules.create(NewSchedule(**{**values, **changes}), 200, None, b"")
    return await store.schedules.get("sch_1")


async def become_due(store: Store, redis: Redis, at: float | None = None) -> None:
    """Move the schedule's next time to now, as if an hour had passed."""
    moment = int(time.time() if at is None else at)
    await redis.hset(keys.schedule("sch_1"), "next_at", str(moment))
    await redis.zadd(keys.DUE_SCHEDULES, {"sch_1": moment})


async def jobs_of(store: Store) -> list[str]:
    return [record.id for record in await store.jobs.newest("default", 100)]


async def finish(store: Store, job_id: str) -> None:
    await store.jobs.move(job_id, ["queued"], "running")
    await store.jobs.move(job_id, ["running"], "succeeded")


def window(*, is_open: bool) -> str:
    """A window of the day in UTC that is open now, or that opens in two hours."""
    start, end = (-1, 1) if is_open else (2, 3)
    now = datetime.now(UTC)
    return f"{now + timedelta(hours=start):%H:%M}-{now + timedelta(hours=end):%H:%M}"


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


async def test_a_job_outside_of_its_window_waits_paused_until_it_opens(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    await scheduled(store, window=window(is_open=False))
    await MakingJobs(store, queues).perform()
    (job_id,) = await jobs_of(store)
    assert (await store.jobs.state(job_id), await queues.waiting()) == ("paused", frozenset())
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "paused"
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=True))
    await HoldingWindows(store, queues).perform()
    (entry,) = await queues.waiting()
    job = await store.jobs.get(job_id)
    assert (job.state, job.enqueued_id) == ("queued", entry)


@pytest.mark.parametrize("is_held", [True, False], ids=["its worker still has it", "its worker let go"])
async def test_a_running_job_is_paused_at_the_windows_end_and_goes_on_at_its_start(
    store: Store, queues: JobQueues, redis: Redis, is_held: bool
) -> None:
    await scheduled(store, window=window(is_open=True))
    await MakingJobs(store, queues).perform()
    (job_id,) = await jobs_of(store)
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    await store.jobs.move(job_id, ["queued"], "running", lease=lease)
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "running"
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=False))
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "paused"
    if not is_held:
        await store.leases.release(lease)
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=True))
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == ("running" if is_held else "queued")


async def test_what_somebody_paused_by_hand_stays_paused(store: Store, queues: JobQueues) -> None:
    await scheduled(store, window=window(is_open=True))
    await MakingJobs(store, queues).perform()
    (job_id,) = await jobs_of(store)
    await store.jobs.move(job_id, ["queued"], "paused")
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "paused"


async def test_a_job_that_is_over_is_not_looked_at_again(store: Store, queues: JobQueues, redis: Redis) -> None:
    await scheduled(store, window=window(is_open=True))
    await MakingJobs(store, queues).perform()
    assert await redis.smembers(keys.WINDOWED_SCHEDULES) == {b"sch_1"}
    await finish(store, (await jobs_of(store))[0])
    await HoldingWindows(store, queues).perform()
    assert await redis.smembers(keys.WINDOWED_SCHEDULES) == set()


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


async def test_a_paused_schedules_window_still_holds_its_job(store: Store, queues: JobQueues, redis: Redis) -> None:
    record = await scheduled(store, window=window(is_open=True))
    await MakingJobs(store, queues).perform()
    (job_id,) = await jobs_of(store)
    await store.schedules.pause(record)
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=False))
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "paused"
    await redis.hset(keys.schedule("sch_1"), "window", window(is_open=True))
    await HoldingWindows(store, queues).perform()
    assert await store.jobs.state(job_id) == "queued"


async def occupy(store: Store, *job_ids: str, project: str = "default") -> None:
    """Jobs of a project that are under way."""
    template = await store.schedules.template("sch_1")
    for job_id in job_ids:
        await store.jobs.create(replace(template, id=job_id, project=project))


FULL = {
    "the project's": (JobLimits(100, 2), "2 jobs of this project are not over and 2 may be under way"),
    "all that wait": (JobLimits(2, 100), "2 jobs are queued and 2 may be (PMPO_API_MAX_QUEUED_JOBS)"),
}


@pytest.mark.parametrize(("limits", "said"), FULL.values(), ids=FULL)
async def test_a_time_without_room_for_a_job_is_lost_and_told_and_the_next_one_is_tried(
    store: Store, queues: JobQueues, redis: Redis, limits: JobLimits, said: str
) -> None:
    await scheduled(store)
    await occupy(store, "j1", "j2")
    await MakingJobs(store, queues, limits).perform()
    found = (await store.schedules.get("sch_1")).view
    assert (found.num_runs, found.num_refused, found.num_missed) == (0, 1, 0)
    assert found.last_outcome is not None
    assert (found.last_outcome.decision, said in found.last_outcome.detail) == ("refused", True)
    assert found.next_at > time.time()
    assert sorted(await jobs_of(store)) == ["j1", "j2"]
    await finish(store, "j1")
    await become_due(store, redis)
    await MakingJobs(store, queues, limits).perform()
    assert (await store.schedules.get("sch_1")).view.num_runs == 1


async def test_with_once_a_time_without_room_stays_until_there_is_room(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    record = await scheduled(store, catch_up="once")
    await occupy(store, "j1", "j2")
    making = MakingJobs(store, queues, JobLimits(100, 2))
    await making.perform()
    waiting = (await store.schedules.get("sch_1")).view
    assert (waiting.num_refused, waiting.next_at) == (0, record.view.next_at)
    assert waiting.last_outcome is not None and "tried again after 60 s" in waiting.last_outcome.detail
    assert await redis.zscore(keys.DUE_SCHEDULES, "sch_1") == pytest.approx(time.time() + 60, abs=5)
    await finish(store, "j1")
    await making.perform()
    assert (await store.schedules.get("sch_1")).view.num_runs == 0  # not before it is to be looked at again
    long_ago = time.time() - 30 * GRACE_S
    await redis.hset(keys.schedule("sch_1"), "next_at", str(int(long_ago)))
    await redis.zadd(keys.DUE_SCHEDULES, {"sch_1": time.time()})
    await making.perform()
    found = (await store.schedules.get("sch_1")).view
    assert (found.num_runs, found.num_refused, found.num_missed) == (1, 0, 0)
    assert found.last_outcome is not None and found.last_outcome.decision == "made"


async def test_jobs_of_schedules_count_and_no_race_passes_the_limit(store: Store, queues: JobQueues) -> None:
    await scheduled(store)
    template = await store.schedules.template("sch_1")
    for number in range(2, 8):
        another = NewSchedule(f"sch_{number}", "n", "@daily", "UTC", "skip", "none", None, 1.0, 1_000, template)
        await store.schedules.create(replace(another, catch_up="once"), 200, None, b"")
    limits = JobLimits(100, 3)
    await asyncio.gather(*(MakingJobs(store, queues, limits).perform() for _ in range(4)))
    assert len(await jobs_of(store)) == 3
    with pytest.raises(OverloadedError, match="3 jobs of this project are not over and 3 may be"):
        await store.jobs.create(replace(template, id="j9"), limits=limits)
    told = [record.view.last_outcome for record in await store.schedules.of("default")]
    assert sorted(each.decision for each in told if each) == ["made"] * 3 + ["refused"] * 4


async def test_another_projects_jobs_take_no_room(store: Store, queues: JobQueues) -> None:
    await scheduled(store)
    await occupy(store, "j1", "j2", project="web")
    await MakingJobs(store, queues, JobLimits(100, 2)).perform()
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
