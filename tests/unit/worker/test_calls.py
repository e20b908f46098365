import asyncio

import pytest

from pmpo.errors import LeaseLostError, OverloadedError, ScorerUnavailableError
from pmpo.optim.types import Completion, GenerationRequest
from services.store.leases import Lease
from services.store.store import Store
from services.worker.calls import GatedGenerator, RunCalls
from services.worker.gate import Gate, LetGoError
from services.worker.hold import Hold

REQUEST = GenerationRequest((), 1, 8, 1.0, 1.0, 0)
ANSWER = [[Completion("Hello there.", 7, "stop")]]


class Generator:
    """Answers, or raises what it is given."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.num_asked = 0
        self._error = error

    async def generate(self, _requests: object) -> list[list[Completion]]:
        self.num_asked += 1
        if self._error is not None:
            raise self._error
        return ANSWER


async def _started(store: Store, job_id: str, holder: str) -> Lease:
    lease = await store.leases.try_acquire(job_id, holder)
    assert lease is not None
    return lease


async def _calls(store: Store, lease: Lease, gate: Gate | None = None) -> RunCalls:
    return RunCalls(store, Hold(store, lease, 60.0), gate or Gate(), await store.jobs.get(lease.job_id))


async def test_an_undisturbed_call_repeats_nothing(store: Store, job_id: str) -> None:
    calls = await _calls(store, await _started(store, job_id, "a"))
    await calls.append(1, "clock", "d", 0.0)
    await GatedGenerator(Generator(), calls).generate([REQUEST])
    assert (await store.jobs.get(job_id)).num_asked == 1
    await calls.append(2, "rewrite", "d", ANSWER)
    record = await store.jobs.get(job_id)
    assert (record.num_asked, record.view.repeated_tokens) == (0, 0)


@pytest.mark.parametrize("lost", [asyncio.CancelledError(), ScorerUnavailableError("It is away.")])
async def test_tokens_of_lost_calls_are_counted_when_the_call_is_made_again(
    store: Store, job_id: str, lost: BaseException
) -> None:
    for holder in ("a", "b"):
        lease = await _started(store, job_id, holder)
        calls = await _calls(store, lease)
        await calls.append(1, "clock", "d", 0.0)  # what is free comes first, and leaves the count alone
        with pytest.raises(type(lost)):
            await GatedGenerator(Generator(lost), calls).generate([REQUEST])
        await store.leases.release(lease)
    assert (await store.jobs.get(job_id)).num_asked == 2
    calls = await _calls(store, await _started(store, job_id, "c"))
    for call in (2, 3):
        await GatedGenerator(Generator(), calls).generate([REQUEST])
        await calls.append(call, "rewrite", "d", ANSWER)
    record = await store.jobs.get(job_id)
    assert (record.num_asked, record.view.repeated_tokens, calls.repeated_tokens) == (0, 14, 14)


async def test_a_refusal_before_any_work_is_not_counted(store: Store, job_id: str) -> None:
    calls = await _calls(store, await _started(store, job_id, "a"))
    with pytest.raises(OverloadedError):
        await GatedGenerator(Generator(OverloadedError("Full.")), calls).generate([REQUEST])
    assert (await store.jobs.get(job_id)).num_asked == 0


async def test_a_closed_gate_and_a_lost_lease_ask_nothing(store: Store, job_id: str) -> None:
    gate, generator = Gate(), Generator()
    lease = await _started(store, job_id, "a")
    calls = await _calls(store, lease, gate)
    gate.set_paused(True)
    with pytest.raises(LetGoError):
        await GatedGenerator(generator, calls).generate([REQUEST])
    gate.set_paused(False)
    await store.leases.release(lease)
    with pytest.raises(LeaseLostError):
        await GatedGenerator(generator, calls).generate([REQUEST])
    gate.drain()
    gate.set_paused(False)
    with pytest.raises(LetGoError):
        await GatedGenerator(generator, calls).generate([REQUEST])
    assert generator.num_asked == 0
