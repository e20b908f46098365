import asyncio
from typing import Any

import pytest

from benchmarks.optimizing.contestants import contestants
from benchmarks.optimizing.crew import Crew
from benchmarks.optimizing.priced import CapReachedError, Memo, PricedEngine
from benchmarks.optimizing.rates import Rates, generating_quantities
from benchmarks.optimizing.trial import run_trial
from pmpo.optim.answers import answer_requests
from pmpo.optim.types import Completion
from tests.unit.benchmarks.test_trials import DATA, ROWS, FakeEngine

RATES = Rates(scoring=(0.1, 0.001, 0.01), generating=(0.2, 0.01, 0.0, 0.05, 0.0), tokenizing=(0.0, 0.001))


def priced(cap_s: float = 100.0, memo: Memo | None = None) -> PricedEngine:
    return PricedEngine(FakeEngine(), RATES, cap_s, {} if memo is None else memo)


def test_scoring_is_charged_by_computed_tokens_and_cells() -> None:
    engine = priced()
    scores = asyncio.run(engine.score(["one", "two"], ROWS[:3]))
    assert engine.elapsed_s() == pytest.approx(0.1 + 0.001 * scores.computed_tokens + 0.06)
    assert engine.spent.scored_tokens == scores.scored_tokens


def test_steps_are_the_longest_answer_of_each_eight_requests() -> None:
    answers = [[Completion("x", length, "stop", 7)] for length in (3, 1, 1, 1, 1, 1, 1, 9, 2, 4)]
    requests = answer_requests("Name it.", ROWS[:10], 20)
    assert generating_quantities(requests, answers) == (1, 10, 70, 9 + 4, 24)


def test_a_known_generation_is_charged_the_same_and_not_generated_again() -> None:
    memo: Memo = {}
    first, second = priced(memo=memo), priced(memo=memo)
    requests = answer_requests("Name it.", ROWS[:4], 20)
    assert asyncio.run(first.generate(requests)) == asyncio.run(second.generate(requests))
    assert first.spent == second.spent
    assert first.spent.seconds > 0
    inner: Any = second.engine
    assert inner.writer.requests == []


def test_the_call_that_exceeds_the_cap_is_charged_and_its_answer_lost() -> None:
    engine = priced(cap_s=0.05)
    with pytest.raises(CapReachedError):
        asyncio.run(engine.score(["one"], ROWS[:1]))
    assert engine.elapsed_s() > 0.05


@pytest.mark.parametrize("name", contestants())
def test_a_trial_ends_with_the_call_that_exceeds_the_cap_and_repeats_itself(name: str) -> None:
    def run() -> dict[str, Any]:
        return asyncio.run(run_trial(priced(3.0), contestants()[name], DATA, cap_s=3.0, seed=1))

    found = run()
    assert found == run()
    assert all(step["seconds"] <= 3.0 for step in found["steps"])


def test_a_crew_gives_every_task_an_engine_for_itself_and_keeps_the_order() -> None:
    engines: Any = [object(), object()]
    busy: set[int] = set()

    async def task(engine: Any, number: int) -> int:
        assert id(engine) not in busy
        busy.add(id(engine))
        await asyncio.sleep(0)
        busy.remove(id(engine))
        return number

    async def run() -> list[int]:
        crew = Crew(engines)
        return await crew.do([lambda engine, number=number: task(engine, number) for number in range(7)])  # type: ignore[misc]

    assert asyncio.run(run()) == list(range(7))
