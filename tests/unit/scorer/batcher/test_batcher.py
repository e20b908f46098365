"""The batcher over an engine whose pace the test sets: who runs with whom, and that everybody gets his own."""

from __future__ import annotations

import asyncio

import pytest

from pmpo.errors import NonFiniteScoreError, ScorerUnavailableError
from tests.unit.scorer.batcher.machines import (
    NOT_A_NUMBER,
    CountingGenerator,
    GatedEngine,
    asking,
    item,
    running,
    texts,
    values,
)


async def test_requests_that_wait_together_run_together_and_get_their_own() -> None:
    async with running(engine := GatedEngine(is_open=False)) as bench:
        first = await bench.occupy()
        others = [await bench.start(item(2), item(3)), await bench.start(item(4), job="b")]
        engine.gate.set()
        assert values(await first) == [-1]
        assert [values(await task) for task in others] == [[-2, -3], [-4]]
    assert engine.targets == [[1], [2, 3, 4]]
    assert bench.notes.rounds == [(1, 2, 2), (3, 6, 6)]


async def test_a_request_without_items_is_answered_at_once() -> None:
    async with running(engine := GatedEngine(is_open=False)) as bench:
        assert values(await bench.score()) == []
    assert engine.calls == []


async def test_deterministic_runs_every_request_alone_in_the_same_slices() -> None:
    async with running(engine := GatedEngine(is_open=False), slice_tokens=4, is_deterministic=True) as bench:
        tasks = [await bench.start(*map(item, numbers), job=str(numbers[0])) for numbers in ([1, 2, 3], [4], [5, 6])]
        engine.gate.set()
        await asyncio.gather(*tasks)
        await bench.score(item(1), item(2), item(3))
    assert sorted(engine.targets) == [[1, 2], [1, 2], [3], [3], [4], [5, 6]]


async def test_deterministic_slices_are_the_same_while_answers_are_sampled() -> None:
    async with running(engine := GatedEngine(), slice_tokens=4, round_tokens=8, is_deterministic=True) as bench:
        sampling = await bench.start_sampling(asking(9, max_tokens=20))
        await bench.score(item(1), item(2), item(3))
        await sampling
        await bench.score(item(1), item(2), item(3))
    assert engine.targets == [[1, 2], [3]] * 2


async def test_large_request_is_sliced_and_lets_others_pass() -> None:
    async with running(engine := GatedEngine(is_open=False), slice_tokens=20) as bench:
        first = await bench.occupy()
        large = await bench.start(*(item(number, length=10) for number in range(2, 8)), job="large")
        small = await bench.start(item(50, length=10), job="small")
        engine.gate.set()
        await first
        assert values(await small) == [-50]
        assert values(await large) == [-2, -3, -4, -5, -6, -7]
    assert engine.targets == [[1], [2, 3], [50, 4], [5, 6], [7]]


async def test_a_round_is_prepared_while_one_runs_and_completed_with_what_comes_in() -> None:
    async with running(engine := GatedEngine(is_open=False)) as bench:
        tasks = [await bench.occupy(), await bench.start(item(2))]
        assert bench.batcher.num_jobs == 0  # taken out of the lines, before the engine is free
        tasks.append(await bench.start(item(3), job="b"))
        engine.gate.set()
        await asyncio.gather(*tasks)
    assert engine.targets == [[1], [2, 3]]


async def test_no_job_waits_for_the_million_tokens_of_another() -> None:
    async with running(engine := GatedEngine(is_open=False), slice_tokens=100) as bench:
        tasks = [await bench.occupy()]
        tasks += [await bench.start(*(item(1_000 * n + i, 10) for i in range(50)), job="large") for n in range(1, 21)]
        small = await bench.start(item(5, 10), job="small")
        engine.gate.set()
        await asyncio.gather(small, *tasks)
    # the one that ran, and the next one, which was prepared and had room left, or the one after it
    assert next(place for place, targets in enumerate(engine.targets, 1) if 5 in targets) <= 3
    assert len(engine.calls) > 90


async def test_cancelled_request_is_dropped_before_it_costs() -> None:
    async with running(engine := GatedEngine(is_open=False)) as bench:
        first = await bench.occupy()
        gone, stays = await bench.start(item(2)), await bench.start(item(3))
        gone.cancel()
        engine.gate.set()
        await first
        assert values(await stays) == [-3]
    assert engine.targets == [[1], [3]]


async def test_room_of_a_cancelled_request_is_free_again() -> None:
    async with running(engine := GatedEngine(is_open=False), slice_tokens=40) as bench:
        first = await bench.occupy()
        gone = await bench.start(item(2, length=10), item(3, length=10))
        stays = await bench.start(*(item(number, length=10) for number in range(4, 8)), job="b")
        gone.cancel()
        engine.gate.set()
        await asyncio.gather(first, stays)
    assert engine.targets == [[1], [4, 5, 6, 7]]


async def test_cancelling_a_sliced_request_saves_its_rest() -> None:
    async with running(engine := GatedEngine(is_open=False), slice_tokens=20) as bench:
        large = await bench.start(*(item(number, length=10) for number in range(1, 7)))
        await asyncio.to_thread(engine.entered.wait, 30)
        large.cancel()
        engine.gate.set()
        assert values(await bench.score(item(50))) == [-50]
    assert engine.targets == [[1, 2], [50]]


async def test_not_a_number_fails_its_own_request_only() -> None:
    async with running(engine := GatedEngine(is_open=False)) as bench:
        first = await bench.occupy()
        bad, good = await bench.start(item(4), item(NOT_A_NUMBER)), await bench.start(item(2))
        engine.gate.set()
        await first
        with pytest.raises(NonFiniteScoreError, match="nan for token 0 of item 1"):
            await bad
        assert values(await good) == [-2]
    assert engine.targets == [[1], [4, NOT_A_NUMBER, 2], [4, NOT_A_NUMBER]]  # once more, alone


async def test_close_fails_running_and_waiting_requests() -> None:
    async with running(GatedEngine(is_open=False)) as bench:
        tasks = [await bench.occupy(), await bench.start(item(2)), await bench.start_sampling(asking(1))]
        await bench.batcher.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(ScorerUnavailableError, match="stopping"):
            await bench.score(item(1))
    assert [type(result) for result in results] == [ScorerUnavailableError] * 3
    assert len(set(map(id, results))) == 3


async def test_stopwatch_counts_both_stages() -> None:
    async with running(GatedEngine(), slice_tokens=2) as bench:
        scored = await bench.score(item(1), item(2))
        sampled = await bench.batcher.sample(asking(1, max_tokens=3), "a")
    assert scored.queue_s > 0
    assert scored.compute_s > 0
    assert scored.items.computed_tokens == (2, 2)
    assert sampled.queue_s > 0
    assert sampled.compute_s > 0


async def test_remembered_items_are_not_computed_again() -> None:
    async with running(engine := GatedEngine(), memo_bytes=10_000) as bench:
        first = await bench.score(item(1), item(2))
        second = await bench.score(item(2), item(3), item(1), job="b")
    assert engine.targets == [[1, 2], [3]]
    assert (values(first), values(second)) == ([-1, -2], [-2, -3, -1])
    assert second.items.computed_tokens == (0, 2, 0)
    assert (first.cached_tokens, second.cached_tokens) == (0, 4)
    counts = bench.batcher.memo_counts
    assert (counts.num_hits, counts.num_misses) == (2, 3)


async def test_what_the_round_before_found_is_not_computed_again() -> None:
    async with running(engine := GatedEngine(is_open=False), memo_bytes=10_000) as bench:
        tasks = [await bench.occupy(), await bench.start(item(1), item(2), job="b")]
        engine.gate.set()
        assert [values(scored) for scored in await asyncio.gather(*tasks)] == [[-1], [-1, -2]]
    assert engine.targets == [[1], [2]]


async def test_deterministic_remembers_nothing() -> None:
    async with running(engine := GatedEngine(), memo_bytes=10_000, is_deterministic=True) as bench:
        assert (await bench.score(item(1))).items == (await bench.score(item(1))).items
    assert engine.targets == [[1], [1]]


async def test_scores_that_are_no_numbers_are_not_remembered() -> None:
    async with running(engine := GatedEngine(), memo_bytes=10_000) as bench:
        for _ in range(2):
            with pytest.raises(NonFiniteScoreError):
                await bench.score(item(NOT_A_NUMBER))
    assert len(engine.calls) == 2


async def test_answers_join_and_leave_a_running_batch() -> None:
    engine = GatedEngine()
    async with running(engine, generator=(generator := CountingGenerator(engine))) as bench:
        long = await bench.start_sampling(asking(7, max_tokens=200))
        while len(generator.turns) < 3:
            await asyncio.sleep(0.001)
        short = await bench.start_sampling(asking(8, num_samples=2, max_tokens=2), job="b")
        assert texts(await short) == ["8x2", "8x2"]
        assert not long.done()
        assert texts(await long) == ["7x200"]
    assert [turn for turn in generator.turns if 8 in turn] == [[7, 8, 8]] * 2
    assert generator.turns[-1] == [7]


async def test_rows_that_cannot_join_wait_until_the_batch_is_empty() -> None:
    engine = GatedEngine(is_open=False)
    async with running(engine, generator=(generator := CountingGenerator(engine, lets_rows_join=False))) as bench:
        first = await bench.occupy()
        tasks = [await bench.start_sampling(asking(7, max_tokens=3))]
        engine.gate.set()
        while not generator.turns:
            await asyncio.sleep(0)
        tasks.append(await bench.start_sampling(asking(8, max_tokens=2)))
        await asyncio.gather(first, *tasks)
    assert generator.turns == [[7]] * 3 + [[8]] * 2


async def test_rows_are_no_more_than_the_cache_holds() -> None:
    engine = GatedEngine()
    async with running(engine, generator=(generator := CountingGenerator(engine, max_cached_tokens=9))) as bench:
        tasks = [await bench.start_sampling(asking(n, num_samples=3, max_tokens=2), job=str(n)) for n in (1, 2)]
        tasks.append(await bench.start_sampling(asking(3, max_tokens=30)))  # more than the cache: alone
        assert [texts(sampled) for sampled in await asyncio.gather(*tasks)] == [["1x2"] * 3, ["2x2"] * 3, ["3x30"]]
    assert max(map(len, generator.turns)) == 3
    assert [turn for turn in generator.turns if 3 in turn] == [[3]] * 30


async def test_deterministic_answers_are_drawn_without_the_rows_of_others() -> None:
    engine = GatedEngine()
    async with running(engine, is_deterministic=True, generator=(generator := CountingGenerator(engine))) as bench:
        tasks = [await bench.start_sampling(asking(n, num_samples=2, max_tokens=2), job=str(n)) for n in (1, 2)]
        await asyncio.gather(*tasks)
    assert sorted(generator.turns) == [[1, 1]] * 2 + [[2, 2]] * 2


async def test_answers_are_drawn_between_the_slices_of_a_large_scoring_request() -> None:
    async with running(engine := GatedEngine(is_open=False), slice_tokens=20, round_tokens=40) as bench:
        first = await bench.occupy()
        sampling = await bench.start_sampling(asking(9, max_tokens=2))
        scoring = await bench.start(*(item(number, length=10) for number in range(100, 200)), job="large")
        engine.gate.set()
        assert texts(await sampling) == ["9x2"]
        num_before = len(engine.calls)
        assert not scoring.done()
        assert len(values(await scoring)) == 100
        await first
    assert num_before <= 5
    assert max(map(len, engine.calls[:3])) <= 4
    assert len(engine.calls) > 20


async def test_answers_that_nobody_waits_for_leave_the_batch() -> None:
    engine = GatedEngine()
    async with running(engine, generator=(generator := CountingGenerator(engine, max_cached_tokens=100_000))) as bench:
        gone = await bench.start_sampling(asking(1, max_tokens=50_000))
        while not generator.turns:
            await asyncio.sleep(0)
        gone.cancel()
        assert texts(await bench.batcher.sample(asking(2, max_tokens=3), "a")) == ["2x3"]
        assert generator.rows == {}
    assert generator.turns[-1] == [2]


async def test_row_that_fails_fails_its_own_request_only() -> None:
    engine = GatedEngine()
    async with running(engine) as bench:
        bad = await bench.start_sampling(asking(1, num_samples=2, max_tokens=2, prompt=(NOT_A_NUMBER,)))
        good = await bench.start_sampling(asking(2, max_tokens=2))
        with pytest.raises(NonFiniteScoreError):
            await bad
        assert texts(await good) == ["2x2"]
