from services.queues import JobQueues
from services.store.connection import connect, connect_blocking
from services.store.keys import job as job_key
from services.store.store import Store
from services.worker.endings import MAX_SETBACKS
from services.worker.requeue import Requeuing


async def _age(redis_url: str, job_id: str) -> None:
    client = connect(redis_url)
    await client.hset(job_key(job_id), "updated_at", "1")
    await client.aclose()


async def test_a_job_saved_and_not_queued_is_queued_once(
    store: Store, queues: JobQueues, redis_url: str, job_id: str
) -> None:
    await Requeuing(store, queues).perform()
    assert await queues.waiting() == frozenset(), "the API may be about to queue it"
    await _age(redis_url, job_id)
    for _ in range(2):
        await Requeuing(store, queues).perform()
    (entry,) = await queues.waiting()
    assert (await store.jobs.get(job_id)).enqueued_id == entry


async def test_an_entry_that_vanished_is_replaced_under_another_id(
    store: Store, queues: JobQueues, redis_url: str, job_id: str
) -> None:
    first = await queues.put(job_id, "overnight")
    await store.jobs.note_entry(job_id, first)
    await Requeuing(store, queues).perform()
    assert await queues.waiting() == {first}
    client = connect_blocking(redis_url)
    client.delete("rq:queue:overnight")  # a worker took it and died before it said so
    client.close()
    await Requeuing(store, queues).perform()
    (second,) = await queues.waiting()
    assert second != first


async def test_a_running_job_is_requeued_when_nobody_holds_it(store: Store, queues: JobQueues, job_id: str) -> None:
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    await store.jobs.move(job_id, ["queued"], "running", lease=lease)
    await Requeuing(store, queues).perform()
    assert (await store.jobs.get(job_id)).state == "running"
    await store.leases.release(lease)
    await Requeuing(store, queues).perform()
    record = await store.jobs.get(job_id)
    assert (record.state, record.setbacks) == ("queued", 1)
    assert record.view.failure is not None
    assert record.view.failure.code == "worker_vanished"
    assert await queues.waiting() == {record.enqueued_id}


async def test_a_job_that_kills_its_workers_is_given_up(store: Store, queues: JobQueues, job_id: str) -> None:
    for _ in range(MAX_SETBACKS):
        await store.jobs.move(job_id, ["queued"], "running")
        await Requeuing(store, queues).perform()
    record = await store.jobs.get(job_id)
    assert record.state == "failed"
    assert record.view.failure is not None
    assert record.view.failure.code == "worker_vanished"


async def test_a_job_that_is_being_cancelled_and_that_nobody_holds_is_cancelled(
    store: Store, queues: JobQueues, job_id: str
) -> None:
    await store.jobs.move(job_id, ["queued"], "running")
    await store.jobs.move(job_id, ["running"], "cancelling")
    await Requeuing(store, queues).perform()
    assert (await store.jobs.get(job_id)).state == "cancelled"
    assert await queues.waiting() == frozenset()


async def test_a_job_that_waits_out_a_setback_is_not_queued_before_its_time(
    store: Store, queues: JobQueues, job_id: str
) -> None:
    await store.jobs.move(job_id, ["queued"], "running")
    await store.jobs.move(job_id, ["running"], "queued", changes={"not_before": 1e12, "attempts": 1})
    await Requeuing(store, queues).perform()
    assert await queues.waiting() == frozenset()
    await store.jobs.move(job_id, ["queued"], "queued", changes={"not_before": 1.0})
    await Requeuing(store, queues).perform()
    assert len(await queues.waiting()) == 1
