import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

import pytest

from pmpo.contracts.jobs import JobFailure
from pmpo.errors import EngineError, LeaseLostError, ScorerUnavailableError
from services.store import keys
from services.store.connection import connect
from services.store.leases import Lease
from services.store.records import JobRecord
from services.store.store import Store
from services.worker.endings import MAX_SETBACKS, Succeeded
from services.worker.gate import Gate
from services.worker.hold import Hold
from services.worker.runner import Runner

DRAIN_S = 0.3
DONE = Succeeded(b'{"fake": true}', "patience", "confirmed")
Work = Callable[[JobRecord, Lease], Awaitable[Succeeded]]


class ScriptedDriver:
    """Does what the test says instead of searching."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.begun = asyncio.Event()
        self.was_cancelled = False
        self.gate = Gate()

    async def drive(self, record: JobRecord, hold: Hold, gate: Gate) -> Succeeded:
        self.gate = gate
        self.begun.set()
        try:
            return await self._work(record, hold.lease)
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise


async def _at_once(_record: JobRecord, _lease: Lease) -> Succeeded:
    return DONE


async def _for_ever(_record: JobRecord, _lease: Lease) -> Succeeded:
    await asyncio.Event().wait()
    raise AssertionError


def _raising(error: Exception) -> Work:
    async def work(_record: JobRecord, _lease: Lease) -> Succeeded:
        raise error

    return work


def _runner(store: Store, driver: ScriptedDriver, drain: asyncio.Event | None = None, lease_s: float = 60.0) -> Runner:
    drain = drain or asyncio.Event()
    return Runner(store, driver, holder="me", lease_s=lease_s, drain=drain, drain_s=DRAIN_S)


async def test_a_job_that_ends_well_has_its_result_and_its_lease_is_free(store: Store, job_id: str) -> None:
    await _runner(store, ScriptedDriver(_at_once)).run(job_id)
    record = await store.jobs.get(job_id)
    assert (record.state, record.view.stop_reason, record.view.verdict) == ("succeeded", "patience", "confirmed")
    assert record.view.attempts == 1
    assert await store.jobs.result(job_id) == DONE.result
    assert await store.leases.try_acquire(job_id, "another") is not None


async def test_a_job_that_somebody_holds_is_left_alone(store: Store, job_id: str) -> None:
    await store.leases.try_acquire(job_id, "another")
    driver = ScriptedDriver(_at_once)
    await _runner(store, driver).run(job_id)
    assert not driver.begun.is_set()
    assert (await store.jobs.get(job_id)).state == "queued"


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
async def test_a_job_that_is_over_is_left_alone(store: Store, job_id: str, state: str) -> None:
    await store.jobs.move(job_id, ["queued"], state)  # type: ignore[arg-type]
    driver = ScriptedDriver(_at_once)
    await _runner(store, driver).run(job_id)
    assert not driver.begun.is_set()
    assert (await store.jobs.get(job_id)).state == state


@pytest.mark.parametrize(
    ("error", "code"), [(EngineError("It broke."), "engine_failed"), (ZeroDivisionError("division by zero"), "error")]
)
async def test_an_error_that_no_retry_helps_fails_the_job(
    store: Store, job_id: str, error: Exception, code: str
) -> None:
    await _runner(store, ScriptedDriver(_raising(error))).run(job_id)
    record = await store.jobs.get(job_id)
    assert record.state == "failed"
    assert record.view.failure is not None
    assert (record.view.failure.code, record.view.failure.retryable) == (code, False)
    assert str(error) in record.view.failure.message


async def test_a_retryable_error_sends_the_job_back_to_wait_longer_each_time(store: Store, job_id: str) -> None:
    waits = []
    for _ in range(3):
        await _runner(store, ScriptedDriver(_raising(ScorerUnavailableError("The scorer is away.")))).run(job_id)
        record = await store.jobs.get(job_id)
        assert (record.state, record.enqueued_id) == ("queued", "")
        assert record.view.failure == JobFailure(
            code="scorer_unavailable", message="The scorer is away.", retryable=True
        )
        waits.append(record.not_before - time.time())
    assert [record.setbacks, record.view.attempts] == [3, 3]
    assert waits == sorted(waits)
    await _runner(store, ScriptedDriver(_at_once)).run(job_id)
    assert (await store.jobs.get(job_id)).view.failure is None


async def test_retries_end_unless_the_job_moves_on(store: Store, job_id: str) -> None:
    async def answering(_record: JobRecord, lease: Lease) -> Succeeded:
        await store.journal.append(lease, now=0, answers={1: b"an answer"})
        raise ScorerUnavailableError("The scorer is away.")

    away = _raising(ScorerUnavailableError("The scorer is away."))
    for work in [away] * (MAX_SETBACKS - 1) + [answering] + [away] * (MAX_SETBACKS - 2):
        await _runner(store, ScriptedDriver(work)).run(job_id)
        assert (await store.jobs.get(job_id)).state == "queued"
    await _runner(store, ScriptedDriver(away)).run(job_id)
    record = await store.jobs.get(job_id)
    assert record.state == "failed"
    assert record.view.failure is not None
    assert f"given up after {MAX_SETBACKS} tries" in record.view.failure.message


async def test_a_cancel_stops_the_search_in_mid_call(store: Store, job_id: str) -> None:
    driver = ScriptedDriver(_for_ever)
    run = asyncio.create_task(_runner(store, driver).run(job_id))
    await driver.begun.wait()
    await store.jobs.move(job_id, ["running"], "cancelling")
    await run
    assert driver.was_cancelled
    record = await store.jobs.get(job_id)
    assert (record.state, record.view.stop_reason) == ("cancelled", "cancelled")


async def test_a_job_that_was_being_cancelled_is_cancelled_however_its_run_ends(store: Store, job_id: str) -> None:
    async def cancelled_at_the_end(_record: JobRecord, _lease: Lease) -> Succeeded:
        await store.jobs.move(job_id, ["running"], "cancelling")
        return DONE

    await _runner(store, ScriptedDriver(cancelled_at_the_end)).run(job_id)
    assert (await store.jobs.get(job_id)).state == "cancelled"


async def test_a_drain_lets_the_call_at_hand_finish(store: Store, job_id: str) -> None:
    drain = asyncio.Event()

    async def calling(_record: JobRecord, lease: Lease) -> Succeeded:
        drain.set()
        await asyncio.sleep(DRAIN_S / 3)  # the call at hand
        await store.journal.append(lease, now=0, answers={1: b"an answer"})
        driver.gate.check()
        raise AssertionError

    driver = ScriptedDriver(calling)
    await _runner(store, driver, drain).run(job_id)
    record = await store.jobs.get(job_id)
    assert (record.state, record.setbacks, record.enqueued_id) == ("queued", 0, "")
    assert await store.journal.num_answers(job_id) == 1
    assert not driver.was_cancelled
    assert await store.leases.try_acquire(job_id, "another") is not None


async def test_a_paused_job_lets_go_between_two_calls_and_waits(store: Store, job_id: str) -> None:
    async def calling(_record: JobRecord, lease: Lease) -> Succeeded:
        for call in itertools.count(1):
            driver.gate.check()
            await asyncio.sleep(0.1)
            await store.journal.append(lease, now=0, answers={call: b"an answer"})
        raise AssertionError

    driver = ScriptedDriver(calling)
    run = asyncio.create_task(_runner(store, driver).run(job_id))
    await driver.begun.wait()
    await store.jobs.move(job_id, ["running"], "paused")
    await run
    assert not driver.was_cancelled
    assert (await store.jobs.get(job_id)).state == "paused"
    assert await store.journal.num_answers(job_id) > 0
    assert await store.leases.try_acquire(job_id, "another") is not None


async def test_a_pause_that_ends_during_the_call_at_hand_stops_nothing(store: Store, job_id: str) -> None:
    async def calling(_record: JobRecord, _lease: Lease) -> Succeeded:
        await store.jobs.move(job_id, ["running"], "paused")
        while not driver.gate.is_paused:
            await asyncio.sleep(0.02)
        await store.jobs.move(job_id, ["paused"], "running", only_held=True)
        while driver.gate.is_paused:
            await asyncio.sleep(0.02)
        driver.gate.check()
        return DONE

    driver = ScriptedDriver(calling)
    await _runner(store, driver).run(job_id)
    assert (await store.jobs.get(job_id)).state == "succeeded"


@pytest.mark.parametrize(
    ("work", "state"),
    [
        (_at_once, "succeeded"),
        (_raising(EngineError("It broke.")), "failed"),
        (_raising(ScorerUnavailableError("The scorer is away.")), "paused"),
    ],
)
async def test_a_job_that_ends_while_it_is_paused(store: Store, job_id: str, work: Work, state: str) -> None:
    async def paused_at_the_end(record: JobRecord, lease: Lease) -> Succeeded:
        await store.jobs.move(job_id, ["running"], "paused")
        return await work(record, lease)

    await _runner(store, ScriptedDriver(paused_at_the_end)).run(job_id)
    assert (await store.jobs.get(job_id)).state == state


async def test_a_job_cancelled_by_force_ends_its_run_quietly(store: Store, job_id: str) -> None:
    driver = ScriptedDriver(_for_ever)
    run = asyncio.create_task(_runner(store, driver).run(job_id))
    await driver.begun.wait()
    await store.jobs.move(job_id, ["running"], "cancelled", drops_lease=True)
    await run
    assert driver.was_cancelled
    assert (await store.jobs.get(job_id)).state == "cancelled"


async def test_a_drain_that_outlasts_its_time_puts_the_job_back_without_a_setback(store: Store, job_id: str) -> None:
    drain = asyncio.Event()
    driver = ScriptedDriver(_for_ever)
    run = asyncio.create_task(_runner(store, driver, drain).run(job_id))
    await driver.begun.wait()
    drain.set()
    await run
    assert driver.was_cancelled
    record = await store.jobs.get(job_id)
    assert (record.state, record.setbacks, record.enqueued_id) == ("queued", 0, "")
    assert await store.leases.try_acquire(job_id, "another") is not None


async def test_a_lost_lease_stops_the_search_and_nothing_is_written(store: Store, redis_url: str, job_id: str) -> None:
    driver = ScriptedDriver(_for_ever)
    run = asyncio.create_task(_runner(store, driver, lease_s=0.6).run(job_id))  # renewed every 0.2 s
    await driver.begun.wait()
    client = connect(redis_url)
    await client.delete(keys.lease(job_id))
    await client.aclose()
    taken = await store.leases.try_acquire(job_id, "another")
    assert taken is not None
    before = await store.jobs.get(job_id)
    await run
    assert driver.was_cancelled
    assert await store.jobs.get(job_id) == before
    await store.leases.renew(taken)


async def test_a_write_without_the_lease_ends_the_run_quietly(store: Store, job_id: str) -> None:
    await _runner(store, ScriptedDriver(_raising(LeaseLostError("gone")))).run(job_id)
    assert (await store.jobs.get(job_id)).state == "running"
