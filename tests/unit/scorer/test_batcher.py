"""The batcher over an engine whose pace the test sets: every request is answered, whatever happens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest

from pmpo.errors import EngineError, NonFiniteScoreError, PmpoError, ScorerUnavailableError
from services.scorer.batcher import Batcher, Scored
from services.scorer.engines.base import EngineIdentity, ScoredItems, TokenItem
from services.scorer.generation.types import Sample, SamplingRequest

POISON = 666
NOT_A_NUMBER = 667


class GatedEngine:
    """Scores a token as minus its id; ``gate`` holds every call until it is opened."""

    identity = EngineIdentity("gated", "0", "float32", "gated", "none", 0, 100)

    def __init__(self, *, is_open: bool) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.calls: list[list[TokenItem]] = []
        self.passes_check = True
        if is_open:
            self.gate.set()

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        self.calls.append(list(items))
        self.entered.set()
        self.gate.wait(timeout=30)
        if any(POISON in item.target for item in items):
            raise RuntimeError("out of memory")
        values = [[np.nan if token == NOT_A_NUMBER else -token for token in item.target] for item in items]
        return ScoredItems(
            tuple(np.array(row, dtype=np.float32) for row in values), tuple(item.num_tokens for item in items)
        )

    def self_check(self) -> None:
        if not self.passes_check:
            raise EngineError("broken")


class EchoGenerator:
    def generate(self, requests: Sequence[SamplingRequest]) -> list[tuple[Sample, ...] | PmpoError]:
        return [
            NonFiniteScoreError("bad") if POISON in request.prompt else (Sample(str(request.seed), 1, "stop"),)
            for request in requests
        ]


@asynccontextmanager
async def running(
    engine: GatedEngine, *, is_deterministic: bool = False, round_tokens: int = 1000
) -> AsyncIterator[Batcher]:
    batcher = Batcher(engine, EchoGenerator(), max_round_tokens=round_tokens, is_deterministic=is_deterministic)
    batcher.start()
    try:
        yield batcher
    finally:
        engine.gate.set()
        await batcher.close()


def item(target: int, length: int = 2) -> TokenItem:
    return TokenItem((1,) * (length - 1), (target,))


def values(scored: Scored) -> list[float]:
    return [float(row.sum()) for row in scored.items.token_log_likelihoods]


def request(seed: int, prompt: tuple[int, ...] = (1,)) -> SamplingRequest:
    return SamplingRequest(prompt, 1, 5, 1.0, 1.0, seed)


async def start(batcher: Batcher, *items: TokenItem) -> asyncio.Task[Scored]:
    task = asyncio.create_task(batcher.score(items))
    await asyncio.sleep(0)
    return task


async def until_entered(engine: GatedEngine) -> None:
    await asyncio.to_thread(engine.entered.wait, 30)


async def test_requests_that_wait_together_run_together_and_get_their_own() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine) as batcher:
        first = await start(batcher, item(1))
        await until_entered(engine)
        others = [await start(batcher, item(2), item(3)), await start(batcher, item(4))]
        engine.gate.set()
        assert values(await first) == [-1]
        assert [values(await task) for task in others] == [[-2, -3], [-4]]
    assert [[i.target[0] for i in call] for call in engine.calls] == [[1], [2, 3, 4]]


async def test_deterministic_runs_every_request_alone() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine, is_deterministic=True) as batcher:
        tasks = [await start(batcher, item(number)) for number in (1, 2, 3)]
        engine.gate.set()
        await asyncio.gather(*tasks)
    assert [len(call) for call in engine.calls] == [1, 1, 1]


async def test_large_request_is_sliced_and_lets_others_pass() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine, round_tokens=20) as batcher:
        large = await start(batcher, *(item(number, length=10) for number in range(1, 7)))
        await until_entered(engine)
        small = await start(batcher, item(50, length=10))
        engine.gate.set()
        assert values(await small) == [-50]
        assert values(await large) == [-1, -2, -3, -4, -5, -6]
    assert [[i.target[0] for i in call] for call in engine.calls] == [[1, 2], [50, 3], [4, 5], [6]]


async def test_scoring_and_sampling_take_turns() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine) as batcher:
        scoring = await start(batcher, item(1))
        sampling = asyncio.create_task(batcher.sample(request(9)))
        engine.gate.set()
        assert (await sampling).samples == (Sample("9", 1, "stop"),)
        assert values(await scoring) == [-1]


async def test_engine_failure_fails_all_that_wait_and_the_next_is_served() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine) as batcher:
        culprit = await start(batcher, item(POISON))
        await until_entered(engine)
        waiting = [await start(batcher, item(1)), asyncio.create_task(batcher.sample(request(1)))]
        await asyncio.sleep(0)
        engine.gate.set()
        with pytest.raises(EngineError, match="out of memory"):
            await culprit
        for task in waiting:
            with pytest.raises(ScorerUnavailableError, match="send it again"):
                await task
        assert batcher.closed_because is None
        assert values(await batcher.score([item(5)])) == [-5]


async def test_failure_in_company_is_retryable_for_all() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine) as batcher:
        first = await start(batcher, item(1))
        await until_entered(engine)
        merged = [await start(batcher, item(POISON)), await start(batcher, item(2))]
        engine.gate.set()
        await first
        results = await asyncio.gather(*merged, return_exceptions=True)
    assert [type(result) for result in results] == [ScorerUnavailableError, ScorerUnavailableError]
    assert results[0] is not results[1]


async def test_engine_that_fails_its_check_closes_the_batcher() -> None:
    engine = GatedEngine(is_open=True)
    engine.passes_check = False
    async with running(engine) as batcher:
        with pytest.raises(EngineError):
            await batcher.score([item(POISON)])
        late = asyncio.create_task(batcher.score([item(1)]))
        with pytest.raises(ScorerUnavailableError):
            await late
        while batcher.closed_because is None:
            await asyncio.sleep(0)
        assert "restart" in batcher.closed_because
        with pytest.raises(ScorerUnavailableError, match="restart"):
            await batcher.sample(request(1))


async def test_cancelled_request_is_dropped_before_it_costs() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine) as batcher:
        first = await start(batcher, item(1))
        await until_entered(engine)
        gone, stays = await start(batcher, item(2)), await start(batcher, item(3))
        gone.cancel()
        engine.gate.set()
        await first
        assert values(await stays) == [-3]
    assert [[i.target[0] for i in call] for call in engine.calls] == [[1], [3]]


async def test_cancelling_a_sliced_request_saves_its_rest() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine, round_tokens=20) as batcher:
        large = await start(batcher, *(item(number, length=10) for number in range(1, 7)))
        await until_entered(engine)
        large.cancel()
        engine.gate.set()
        assert values(await batcher.score([item(50)])) == [-50]
    assert [[i.target[0] for i in call] for call in engine.calls] == [[1, 2], [50]]


async def test_not_a_number_fails_its_own_request_only() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine) as batcher:
        first = await start(batcher, item(1))
        await until_entered(engine)
        bad, good = await start(batcher, item(4), item(NOT_A_NUMBER)), await start(batcher, item(2))
        engine.gate.set()
        await first
        with pytest.raises(NonFiniteScoreError, match="nan for token 0 of item 1"):
            await bad
        assert values(await good) == [-2]


async def test_generation_error_fails_its_own_request_only() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine) as batcher:
        first = await start(batcher, item(1))
        await until_entered(engine)
        bad = asyncio.create_task(batcher.sample(request(1, prompt=(POISON,))))
        good = asyncio.create_task(batcher.sample(request(2)))
        await asyncio.sleep(0)
        engine.gate.set()
        await first
        with pytest.raises(NonFiniteScoreError):
            await bad
        assert (await good).samples[0].text == "2"


async def test_close_fails_running_and_waiting_requests() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine) as batcher:
        tasks = [await start(batcher, item(1))]
        await until_entered(engine)
        tasks.append(await start(batcher, item(2)))
        await batcher.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [ScorerUnavailableError] * 2


async def test_stopwatch_counts_both_stages() -> None:
    engine = GatedEngine(is_open=True)
    async with running(engine, round_tokens=2) as batcher:
        scored = await batcher.score([item(1), item(2)])
    assert scored.queue_s > 0
    assert scored.compute_s > 0
    assert scored.items.computed_tokens == (2, 2)
