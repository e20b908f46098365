"""Jobs of schedules count as others do, and a time without room is told and not lost: on a real Redis."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from pmpo.errors import OverloadedError
from services.queues import JobQueues
from services.store import keys
from services.store.admission import JobLimits
from services.store.schedule_records import NewSchedule
from services.store.store import Store
from services.worker.schedules.making import GRACE_S, MakingJobs

from .scheduled import become_due, finish, jobs_of, scheduled


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


async def test_a_time_that_another_janitor_used_meanwhile_takes_the_next_one_with_it_never(
    store: Store, queues: JobQueues, redis: Redis
) -> None:
    await scheduled(store)
    await MakingJobs(store, queues, JobLimits(100, 1)).perform()
    made = (await store.schedules.get("sch_1")).view
    await redis.zadd(keys.DUE_SCHEDULES, {"sch_1": 1.0})  # as a janitor saw it before the time was used
    assert await store.schedules.due(time.time()) == []
    await MakingJobs(store, queues, JobLimits(100, 1)).perform()
    assert (await store.schedules.get("sch_1")).view == made


async def test_another_projects_jobs_take_no_room(store: Store, queues: JobQueues) -> None:
    await scheduled(store)
    await occupy(store, "j1", "j2", project="web")
    await MakingJobs(store, queues, JobLimits(100, 2)).perform()
    assert (await store.schedules.get("sch_1")).view.num_runs == 1
