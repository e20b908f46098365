import asyncio
from dataclasses import replace

import pytest

from pmpo.contracts.jobs import JobFailure, Progress
from pmpo.errors import ConflictError, LeaseLostError, NotFoundError
from services.store import keys
from services.store.connection import connect
from services.store.records import NewJob, failure_fields, progress_fields
from services.store.store import Store


async def test_what_was_saved_is_read_back(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(new_job)
    record = await store.jobs.get("j1")
    assert record.state == "queued"
    assert record.queue == "interactive"
    assert record.enqueued_id == ""
    assert record.view.splits == new_job.split_sizes
    assert record.view.warnings == ["few rows"]
    assert record.view.best_prompt == "Process the input."
    assert record.view.progress == Progress()
    assert record.view.failure is None
    assert await store.jobs.spec("j1") == new_job.spec
    assert await store.jobs.splits("j1") == new_job.splits
    assert await store.jobs.terms("j1") == new_job.terms
    assert await store.jobs.result("j1") is None


async def test_a_job_that_is_not_there_is_named(store: Store) -> None:
    for call in (store.jobs.get, store.jobs.spec, store.jobs.state):
        with pytest.raises(NotFoundError, match="'nope'"):
            await call("nope")
    with pytest.raises(NotFoundError):
        await store.jobs.move("nope", ["queued"], "running")
    assert await store.jobs.version("nope") == 0


async def test_a_move_out_of_another_state_is_refused_and_changes_nothing(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(new_job)
    before = await store.jobs.get("j1")
    with pytest.raises(ConflictError, match="is queued, so it cannot become succeeded"):
        await store.jobs.move("j1", ["running"], "succeeded", changes={"result": b"{}"})
    assert await store.jobs.get("j1") == before
    assert await store.jobs.result("j1") is None


async def test_of_many_movers_one_moves(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(new_job)
    moves = [store.jobs.move("j1", ["queued"], "running") for _ in range(10)]
    answers = await asyncio.gather(*moves, return_exceptions=True)
    assert [answer for answer in answers if not isinstance(answer, ConflictError)] == ["queued"]


async def test_every_change_raises_the_version(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(new_job)
    seen = [await store.jobs.version("j1")]
    await store.jobs.move("j1", ["queued"], "running", changes={"attempts": 1})
    seen.append(await store.jobs.version("j1"))
    lease = await store.leases.try_acquire("j1", "me")
    assert lease is not None
    await store.journal.append(lease, now=7.0, changes=progress_fields(Progress(iteration=2), "Better."))
    seen.append(await store.jobs.version("j1"))
    assert seen == sorted(set(seen))
    record = await store.jobs.get("j1")
    assert (record.view.attempts, record.view.progress.iteration, record.view.best_prompt) == (1, 2, "Better.")
    assert record.view.updated_at == 7.0


async def test_final_jobs_are_not_active_and_the_newest_come_first(store: Store, new_job: NewJob) -> None:
    for name in ("j1", "j2", "j3"):
        await store.jobs.create(replace(new_job, id=name))
    await store.jobs.move("j2", ["queued"], "cancelled")
    assert [record.id for record in await store.jobs.active()] == ["j1", "j3"]
    assert [record.id for record in await store.jobs.newest("default", 2)] == ["j3", "j2"]


async def test_a_mover_without_the_lease_is_refused(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(new_job)
    lease = await store.leases.try_acquire("j1", "me")
    assert lease is not None
    with pytest.raises(ConflictError, match="held by a worker"):
        await store.jobs.move("j1", ["queued"], "failed", only_unheld=True)
    await store.leases.release(lease)
    with pytest.raises(LeaseLostError):
        await store.jobs.move("j1", ["queued"], "running", lease=lease)
    failure = JobFailure(code="engine_failed", message="It broke.")
    await store.jobs.move("j1", ["queued"], "failed", only_unheld=True, changes=dict(failure_fields(failure)))
    assert (await store.jobs.get("j1")).view.failure == failure


async def test_an_entry_is_noted_only_while_the_job_waits(store: Store, new_job: NewJob) -> None:
    await store.jobs.create(new_job)
    await store.jobs.note_entry("j1", "j1-a")
    assert (await store.jobs.get("j1")).enqueued_id == "j1-a"
    await store.jobs.move("j1", ["queued"], "running")
    await store.jobs.note_entry("j1", "j1-b")
    assert (await store.jobs.get("j1")).enqueued_id == "j1-a"


async def test_a_job_of_before_there_were_projects_belongs_to_the_default_one(
    store: Store, new_job: NewJob, redis_url: str
) -> None:
    await store.jobs.create(new_job)
    redis = connect(redis_url)
    await redis.hdel(keys.job("j1"), "project")
    await redis.aclose()
    assert [record.project for record in await store.jobs.newest("default", 9)] == ["default"]
    await store.jobs.require("j1", "default")
    with pytest.raises(NotFoundError):
        await store.jobs.require("j1", "web")


async def test_lists_are_of_one_project(store: Store, new_job: NewJob) -> None:
    for number, project in enumerate(["default", "web", "web"]):
        await store.jobs.create(replace(new_job, id=f"j{number}", project=project))
    assert [record.id for record in await store.jobs.newest("web", 9)] == ["j2", "j1"]
    assert [record.id for record in await store.jobs.newest("default", 9)] == ["j0"]
    assert [record.id for record in await store.jobs.active()] == ["j0", "j1", "j2"]
