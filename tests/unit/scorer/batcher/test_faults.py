"""When the engine fails: the culprit alone is told so, the rest is answered, and a dead engine comes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

import pytest

from pmpo.errors import BudgetTooSmallError, EngineError, PmpoError, ScorerUnavailableError, UpstreamError
from services.scorer.batcher.batcher import Batcher
from services.scorer.batcher.engine_room import RestartPolicy
from services.scorer.engines.base import EngineIdentity, ScoredItems, TokenItem
from services.scorer.engines.machine import Machine
from tests.unit.scorer.batcher.machines import (
    DEADLY,
    POISON,
    CountingGenerator,
    GatedEngine,
    asking,
    item,
    running,
    texts,
    values,
)


async def until_well(batcher: Batcher) -> None:
    while batcher.trouble is not None:
        await asyncio.sleep(0.001)


async def until_dead_for_good(batcher: Batcher) -> str:
    while batcher.trouble is None or batcher.trouble.retry_after_s is not None:
        await asyncio.sleep(0.001)
    return batcher.trouble.reason


async def test_poisoned_request_is_isolated_and_its_neighbours_are_answered() -> None:
    async with running(engine := GatedEngine(is_open=False)) as bench:
        first = await bench.occupy()
        good = await bench.start(item(2), item(3), job="a")
        bad = await bench.start(item(4), item(POISON), job="b")
        other = await bench.start(item(5), job="c")
        engine.gate.set()
        await first
        with pytest.raises(EngineError, match="failed on this request: RuntimeError: out of memory"):
            await bad
        assert values(await good) == [-2, -3]
        assert values(await other) == [-5]
        assert bench.batcher.trouble is None
    assert engine.targets == [[1], [2, 3, 4, POISON, 5], [2, 3], [4, POISON], [5]]  # redone one by one, once


async def test_lone_request_is_redone_once() -> None:
    async with running(engine := GatedEngine()) as bench:
        with pytest.raises(EngineError, match="out of memory"):
            await bench.score(item(POISON))
        assert values(await bench.score(item(2))) == [-2]
    assert engine.targets == [[POISON], [POISON], [2]]


async def test_request_that_is_cancelled_meanwhile_is_not_redone() -> None:
    async with running(engine := GatedEngine(is_open=False)) as bench:
        first = await bench.occupy()
        bad, gone = await bench.start(item(POISON)), await bench.start(item(2))
        engine.gate.set()
        await first
        while len(engine.calls) < 2:
            await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(EngineError):
            await bad
    assert engine.targets[:2] == [[1], [POISON, 2]]
    assert [2] not in engine.targets


class PassingEngine(GatedEngine):
    """Fails as a model server does that is away for a while."""

    def score(self, items: object) -> NoReturn:
        raise ScorerUnavailableError("the model server does not answer", retry_after_s=3.0)


class PassingGenerator(CountingGenerator):
    """As ``PassingEngine``."""

    def turn(self, leaving: object, joining: object) -> NoReturn:
        raise ScorerUnavailableError("the model server does not answer", retry_after_s=3.0)


async def test_a_failure_that_passes_by_itself_is_told_as_such_and_restarts_nothing() -> None:
    engine = PassingEngine()
    async with running(engine, generator=PassingGenerator(engine)) as bench:
        for work in (bench.score(item(1)), bench.batcher.sample(asking(1), "a")):
            with pytest.raises(ScorerUnavailableError, match="the model server does not answer") as failed:
                await work
            assert failed.value.retry_after_s == 3.0
        assert (bench.batcher.num_restarts, bench.batcher.trouble) == (0, None)


class RefusingEngine(GatedEngine):
    """Refuses a call of more than two items, and what holds the poison with ``refusal``."""

    def __init__(self, refusal: PmpoError | None = None, *, is_open: bool = True) -> None:
        super().__init__(is_open=is_open)
        self.refusal = refusal
        self.num_checks = 0

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        if self.refusal is not None and any(POISON in item.target for item in items):
            self.calls.append(list(items))
            raise self.refusal
        if len(items) > 2:
            self.calls.append(list(items))
            raise BudgetTooSmallError("this takes 3 calls, and 2 are left")
        return super().score(items)

    def self_check(self) -> None:
        self.num_checks += 1


async def test_a_refusal_is_told_to_its_own_request_as_it_is_and_checks_nothing() -> None:
    async with running(engine := RefusingEngine(is_open=False)) as bench:
        first = await bench.occupy()
        small, large = await bench.start(item(2), job="a"), await bench.start(item(3), item(4), item(5), job="b")
        engine.gate.set()
        await first
        with pytest.raises(BudgetTooSmallError, match="this takes 3 calls, and 2 are left"):
            await large
        assert values(await small) == [-2]
        with pytest.raises(BudgetTooSmallError):
            await bench.score(item(6), item(7), item(8))
        assert bench.batcher.trouble is None
    assert engine.targets == [[1], [2, 3, 4, 5], [2], [3, 4, 5], [6, 7, 8]]  # a lone one is not run again
    assert engine.num_checks == 0


async def test_what_a_model_server_answered_is_told_as_its_fault() -> None:
    engine = RefusingEngine(UpstreamError("the model server at http://m gave an answer of another form"))
    async with running(engine) as bench:
        with pytest.raises(UpstreamError, match="http://m gave an answer of another form"):
            await bench.score(item(POISON))
        assert values(await bench.score(item(2))) == [-2]
    assert engine.targets == [[POISON], [POISON], [2]]
    assert engine.num_checks == 2


async def test_dead_engine_fails_all_that_wait_in_a_retryable_way_and_comes_back() -> None:
    is_built = threading.Event()
    engine = GatedEngine(is_open=False)

    def rebuild() -> Machine:
        is_built.wait(30)
        engine.is_dead = False
        return Machine(engine, CountingGenerator(engine))

    async with running(engine, rebuild=rebuild, slice_tokens=2) as bench:
        culprit = await bench.start(item(DEADLY))
        await asyncio.to_thread(engine.entered.wait, 30)
        waiting: list[asyncio.Task[Any]] = [await bench.start(item(1)), await bench.start(item(2), job="b")]
        waiting.append(await bench.start_sampling(asking(1)))
        engine.gate.set()
        results = await asyncio.gather(culprit, *waiting, return_exceptions=True)
        assert [type(result) for result in results] == [ScorerUnavailableError] * 4
        assert len(set(map(id, results))) == 4
        assert all(isinstance(result, PmpoError) and result.retry_after_s for result in results)
        trouble = bench.batcher.trouble
        assert trouble is not None
        assert "restart 1 of at most 3" in trouble.reason
        with pytest.raises(ScorerUnavailableError, match="is being restarted"):
            await bench.score(item(1))
        is_built.set()
        await until_well(bench.batcher)
        assert values(await bench.score(item(5))) == [-5]
        assert texts(await bench.batcher.sample(asking(3), "a")) == ["3x1"]
        assert bench.batcher.num_restarts == 1


async def test_request_that_kills_the_engine_when_it_runs_alone_is_not_sent_again() -> None:
    engine = GatedEngine()

    class DiesAtTheSecondTry(GatedEngine):
        def self_check(self) -> None:
            if len(engine.calls) > 1:
                raise EngineError("broken")
            engine.is_dead = False

    engine.self_check = DiesAtTheSecondTry().self_check  # type: ignore[method-assign]
    async with running(engine) as bench:
        with pytest.raises(EngineError, match="the engine died of this request"):
            await bench.score(item(DEADLY))


async def test_engine_that_does_not_come_back_is_left_dead_and_says_so() -> None:
    engine = GatedEngine()

    def rebuild() -> Machine:
        raise EngineError("the weights are gone")

    async with running(engine, rebuild=rebuild, max_restarts=2) as bench:
        with pytest.raises(ScorerUnavailableError):
            await bench.score(item(DEADLY))
        reason = await until_dead_for_good(bench.batcher)
        assert "2 restarts did not help: the weights are gone" in reason
        with pytest.raises(ScorerUnavailableError, match="restart the scorer"):
            await bench.batcher.sample(asking(1), "a")
        assert bench.batcher.num_restarts == 2


async def test_restarts_that_last_no_call_count_as_one_row() -> None:
    engine = GatedEngine()
    async with running(engine, max_restarts=2) as bench:
        for _ in range(3):
            with pytest.raises(PmpoError):
                await bench.score(item(DEADLY))
            while bench.batcher.trouble is not None and bench.batcher.trouble.retry_after_s is not None:
                await asyncio.sleep(0.001)
        assert "2 restarts did not help" in await until_dead_for_good(bench.batcher)


async def test_another_model_in_the_place_of_the_dead_one_is_refused() -> None:
    engine = GatedEngine()

    def rebuild() -> Machine:
        other = GatedEngine()
        other.identity = EngineIdentity("gated", "1", "float32", "gated", "none", 0, 100)
        return Machine(other, CountingGenerator(other))

    async with running(engine, rebuild=rebuild, max_restarts=1) as bench:
        with pytest.raises(ScorerUnavailableError):
            await bench.score(item(DEADLY))
        assert "(revision 1 in float32, before 0 in float32)" in await until_dead_for_good(bench.batcher)


async def test_poisoned_answers_are_isolated_and_the_others_are_drawn() -> None:
    engine = GatedEngine()
    async with running(engine) as bench:
        good = await bench.start_sampling(asking(1, num_samples=2, max_tokens=5))
        bad = await bench.start_sampling(asking(2, prompt=(POISON,), max_tokens=5), job="b")
        other = await bench.start_sampling(asking(3, max_tokens=5), job="c")
        with pytest.raises(EngineError, match="failed on this request: RuntimeError: out of memory"):
            await bad
        assert texts(await good) == ["1x5"] * 2
        assert texts(await other) == ["3x5"]
        assert bench.batcher.trouble is None


async def test_engine_that_dies_of_sampling_comes_back() -> None:
    async with running(GatedEngine()) as bench:
        with pytest.raises(ScorerUnavailableError):
            await bench.batcher.sample(asking(2, prompt=(DEADLY,)), "a")
        await until_well(bench.batcher)
        assert texts(await bench.batcher.sample(asking(4), "a")) == ["4x1"]


@pytest.mark.parametrize(("number", "seconds"), [(1, 0.0), (2, 1.0), (3, 2.0), (5, 8.0), (20, 30.0)])
def test_waits_between_restarts_double(number: int, seconds: float) -> None:
    assert RestartPolicy().wait_s(number) == seconds
