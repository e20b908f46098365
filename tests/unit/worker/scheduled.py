"""A schedule whose time has come, and what happens to it meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from pmpo.contracts.jobs import JobSpec, SplitSizes
from services.store import keys
from services.store.records import NewJob
from services.store.schedule_records import NewSchedule, ScheduleRecord
from services.store.store import Store

ROWS = [{"input": f"number {number}", "target": str(number)} for number in range(10)]
SPEC = JobSpec.model_validate({"name": "numbers", "prompt": "Say it.", "dataset": {"train": ROWS}, "seed": 7})


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
