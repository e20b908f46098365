"""Cancel, pause and resume, with workers that are there, frozen, or gone."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from pmpo.errors import LeaseLostError
from services.queues import JobQueues
from services.store.leases import Lease
from services.store.store import Store


async def _create(client: httpx.AsyncClient, job: dict[str, Any]) -> str:
    return str((await client.post("/v1/jobs", json=job)).json()["id"])


async def _run(store: Store, job_id: str) -> Lease:
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    await store.jobs.move(job_id, ["queued"], "running", lease=lease)
    return lease


async def _post(client: httpx.AsyncClient, job_id: str, what: str) -> tuple[int, str]:
    answer = await client.post(f"/v1/jobs/{job_id}/{what}")
    return answer.status_code, answer.json().get("state", answer.json().get("code"))


async def test_a_frozen_worker_cannot_hold_up_a_cancel_and_writes_nothing_more(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    job_id = await _create(client, job)
    lease = await _run(store, job_id)
    before = time.monotonic()
    assert await _post(client, job_id, "cancel") == (202, "cancelled")
    assert time.monotonic() - before < 10  # the promise is 2 s; this machine may be busy
    with pytest.raises(LeaseLostError):
        await store.journal.append(lease, now=1.0, answers={1: b"late"})
    with pytest.raises(LeaseLostError):
        await store.leases.renew(lease)
    assert (await store.jobs.get(job_id)).view.stop_reason == "cancelled"
    assert job_id not in {record.id for record in await store.jobs.active()}


async def test_a_worker_that_cancels_in_time_is_not_disturbed(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    job_id = await _create(client, job)
    lease = await _run(store, job_id)
    asked = asyncio.create_task(_post(client, job_id, "cancel"))
    while await store.jobs.state(job_id) != "cancelling":
        await asyncio.sleep(0.02)
    await store.jobs.move(job_id, ["cancelling"], "cancelled", lease=lease, changes={"stop_reason": "by the worker"})
    assert await asked == (202, "cancelled")
    assert (await store.jobs.get(job_id)).view.stop_reason == "by the worker"
    assert await _post(client, job_id, "cancel") == (409, "conflict")


async def test_a_waiting_job_pauses_and_goes_back_to_its_queue(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store, queues: JobQueues
) -> None:
    job_id = await _create(client, job)
    first = (await store.jobs.get(job_id)).enqueued_id
    for _ in range(2):
        assert await _post(client, job_id, "pause") == (202, "paused")
    for _ in range(2):
        assert await _post(client, job_id, "resume") == (202, "queued")
    entry = (await store.jobs.get(job_id)).enqueued_id
    assert entry != first
    assert entry in await queues.waiting()


async def test_a_running_job_is_resumed_in_the_hands_of_a_worker_that_has_not_let_go(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store
) -> None:
    job_id = await _create(client, job)
    lease = await _run(store, job_id)
    assert await _post(client, job_id, "pause") == (202, "paused")
    await store.journal.append(lease, now=1.0, answers={1: b"the call at hand"})
    assert await _post(client, job_id, "resume") == (202, "running")
    assert await _post(client, job_id, "pause") == (202, "paused")
    await store.jobs.move(job_id, ["paused"], "paused", lease=lease, drops_lease=True)
    assert await _post(client, job_id, "resume") == (202, "queued")


@pytest.mark.parametrize("is_held", [True, False])
async def test_a_paused_job_can_be_cancelled(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store, is_held: bool
) -> None:
    job_id = await _create(client, job)
    if is_held:
        await _run(store, job_id)
    await _post(client, job_id, "pause")
    assert await _post(client, job_id, "cancel") == (202, "cancelled")


@pytest.mark.parametrize("what", ["pause", "resume"])
async def test_a_job_that_is_over_is_left_alone(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store, what: str
) -> None:
    job_id = await _create(client, job)
    await store.jobs.move(job_id, ["queued"], "succeeded")
    assert await _post(client, job_id, what) == (409, "conflict")
    assert await _post(client, "nobody", what) == (404, "not_found")
