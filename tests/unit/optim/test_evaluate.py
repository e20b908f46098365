"""Evaluations over fakes: every prompt on every row or not at all, the same after a death, never over a cap."""

import numpy as np
import pytest

from pmpo.errors import BudgetTooSmallError
from pmpo.optim import evaluate as module
from pmpo.optim.evaluate import MAX_HARD, evaluate
from pmpo.optim.losses import standard_error
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.types import Example
from pmpo.testing.ports import KilledError
from tests.unit.optim.world import World, examples, spec, stable

VAGUE, GOOD, BEST = "Do it.", "Do it. Sort the words.", "Do it. Sort the words. Use commas."
ROWS = examples(30, 5)


def half_right(request, rng):
    """Right for rows with an even number."""
    first, second = request.messages[-1].content.split()
    return f"{second} {first}" if int(first[1:]) % 2 == 0 else "wrong"


async def run(world, prompts=(VAGUE, GOOD, BEST), rows=ROWS, **changes):
    return [event async for event in evaluate(spec(**changes), prompts, rows, world.ports)]


async def test_each_prompt_is_measured_on_every_row_and_compared_with_the_first():
    world = World(answers=half_right)
    vague, good, best, end = await run(world)
    assert [event.place for event in (vague, good, best)] == [1, 2, 3]
    assert [event.number for event in (vague, good, best, end)] == [1, 2, 3, 4]
    assert vague.comparison is None
    assert vague.loss - good.loss == pytest.approx(0.8, abs=0.05)
    assert good.comparison.difference == pytest.approx(good.loss - vague.loss)
    assert good.comparison.p_value < 0.001 and best.comparison.p_value < 0.001
    assert (good.rows, good.accuracy) == (tuple(range(5, 35)), 0.5)
    assert good.loss == pytest.approx(np.mean(good.losses))
    assert [row for row, grade in zip(good.rows, good.grades, strict=True) if not grade] == [
        row for row in range(5, 35) if row % 2
    ]
    assert [hard.grade for hard in good.hardest] == [0.0] * 15 + [1.0] * 5
    assert {hard.row for hard in good.hardest[:15]} == {row for row in range(5, 35) if row % 2}
    assert {hard.answer for hard in good.hardest[:15]} == {"wrong"}
    assert (good.hardest[0].input.split()[0], good.hardest[0].wanted.split()[1]) == (f"w{good.hardest[0].row}",) * 2
    assert (end.stop_reason, end.num_prompts, end.num_evaluated, end.num_rows) == ("all_tried", 3, 3, 30)
    assert world.rewriter.num_generated == 0
    assert end.spent.scored_tokens == best.spent.scored_tokens == world.scorer.num_scored


async def test_equal_prompts_do_not_differ_beyond_chance():
    _, other, _ = await run(World(penalties={}), ("Do it.", "Do that."))
    assert other.comparison.p_value > 0.05
    low, high = other.comparison.interval
    assert low <= other.comparison.difference <= high


async def test_without_a_metric_nothing_is_generated():
    world = World(answers=half_right)
    events = await run(world, with_accuracy=False)
    assert world.target.num_generated == 0
    assert {(event.accuracy, event.grades, event.hardest[0].answer) for event in events[:-1]} == {(None, None, None)}


async def test_too_few_rows_are_measured_and_not_compared():
    _, good, _ = await run(World(), (VAGUE, GOOD), ROWS[:4])
    assert good.comparison is None and len(good.losses) == 4


async def test_many_wrong_rows_are_told_hardest_first_and_bounded():
    (event, _) = await run(World(), (VAGUE,))
    assert len(event.hardest) == MAX_HARD < 30
    losses = dict(zip(event.rows, event.losses, strict=True))
    told = [losses[hard.row] for hard in event.hardest]
    assert told == sorted(losses.values(), reverse=True)[:MAX_HARD]


async def test_a_prompt_is_measured_whole_or_not_at_all_and_no_cap_is_passed():
    whole = World(answers=half_right)
    full = await run(whole)
    needed = full[-1].spent
    for cap in (needed.scored_tokens - 1, needed.scored_tokens):
        world = World(answers=half_right)
        *done, end = await run(world, caps=BudgetCaps(scored_tokens=cap))
        assert end.spent.scored_tokens <= cap
        assert all(len(event.losses) == 30 for event in done)
        assert end.num_evaluated == len(done) == (3 if cap == needed.scored_tokens else 2)
        assert (end.stop_reason == "budget") == (len(done) < 3)
        assert stable(done) == stable(full[: len(done)])
    with pytest.raises(BudgetTooSmallError, match="measuring the first prompt on every row: generated_tokens 100"):
        await run(World(), caps=BudgetCaps(generated_tokens=100))


async def test_the_seconds_end_it_between_prompts():
    *done, end = await run(World(), caps=BudgetCaps(seconds=1.5))
    assert (end.stop_reason, len(done)) == ("budget", end.num_evaluated)
    assert 0 < len(done) < 3


async def test_killed_at_any_call_and_resumed_it_ends_the_same(monkeypatch):
    monkeypatch.setattr(module, "ROWS_A_CALL", 12)
    whole = World(answers=half_right)
    expected = stable(await run(whole))
    assert len(whole.journal.entries) > 20
    for cut in range(1, len(whole.journal.entries) + 1):
        dying = World(answers=half_right, die_at=cut)
        with pytest.raises(KilledError):
            await run(dying)
        resumed = World(answers=half_right, replay=dying.journal.entries)
        assert stable(await run(resumed)) == expected
        assert len(resumed.journal.entries) == len(whole.journal.entries)


async def test_weights_count(monkeypatch):
    rows = (*ROWS[:5], Example(99, "w99 x99", ("x99 w99",), weight=0.0))
    (event, _) = await run(World(), (VAGUE,), rows)
    assert event.loss == pytest.approx(np.mean(event.losses[:5]))
    assert event.standard_error == pytest.approx(np.std(event.losses[:5], ddof=1) / 5**0.5)


def test_the_standard_error_of_one_row_is_none():
    assert standard_error(np.array([1.0]), np.array([1.0])) == 0.0
    assert standard_error(np.array([1.0, 5.0]), np.array([1.0, 0.0])) == 0.0
