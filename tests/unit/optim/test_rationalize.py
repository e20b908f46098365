"""Rationales from a scripted model: every row is accounted for, whatever the model writes and wherever it is killed."""

import dataclasses

import pytest

from pmpo.data.rationales import AnswerReader
from pmpo.errors import BudgetTooSmallError, InvalidInputError
from pmpo.optim.journal import SearchPorts
from pmpo.optim.rationalize import INSTRUCTION, RationaleRule, rationalize
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.types import Example
from pmpo.testing.ports import FakeClock, FakeScorer, KilledError, MemoryJournal, ScriptedGenerator

ROWS = tuple(Example(row, f"{row} + 1", (str(row + 1),)) for row in range(20))


def solve(request, rng):
    """Right for every row but the fifth ones, and only half of the time."""
    row = int(request.messages[-1].content.split()[0])
    shift = 1 if row % 5 and rng.random() < 0.5 else 7
    return f"Add them up. The answer is {row + shift}."


class World:
    def __init__(self, write=solve, replay=(), die_at=None):
        self.target = ScriptedGenerator(write)
        self.journal = MemoryJournal(list(replay), die_at)
        self.ports = SearchPorts(
            FakeScorer({}), self.target, self.target, FakeClock(), self.journal, replay=tuple(replay)
        )


async def run(world, **changes):
    rule = RationaleRule(**{"prompt": "Do the sum.", "max_tokens": 20, "seed": 7, **changes})
    return [event async for event in rationalize(rule, ROWS, AnswerReader("number"), world.ports)]


def stable(found):
    return [dataclasses.replace(event, spent=None) if hasattr(event, "spent") else event for event in found]


async def test_rows_get_right_rationales_and_the_others_say_why_not():
    *rows, end = await run(World())
    assert [event.row for event in rows] == list(range(20))
    assert [event.number for event in (*rows, end)] == list(range(1, 22))
    for event in rows:
        if event.target is not None:
            assert event.target == f"Add them up.\nThe answer is {event.row + 1}"
        else:
            assert event.detail == "4 wrong"
    assert {event.row for event in rows if event.target is None} >= {0, 5, 10, 15}
    assert end.num_right == sum(event.target is not None for event in rows) > 10
    assert (end.stop_reason, end.num_rows) == ("all_tried", 20)


async def test_the_model_is_asked_to_reason_with_a_seed_of_its_own_for_each_row():
    world = World()
    await run(world)
    assert all(INSTRUCTION in request.messages[0].content for request in world.target.requests)
    assert all(request.messages[0].content.startswith("Do the sum.") for request in world.target.requests)
    assert len({request.seed for request in world.target.requests}) == 20


async def test_a_model_that_is_never_right_leaves_every_row_with_its_reason():
    *rows, end = await run(World(lambda request, rng: "I do not know."))
    assert end.num_right == 0
    assert {event.detail for event in rows} == {"4 without a stated answer"}
    assert all(event.target is None for event in rows)


async def test_a_text_that_was_cut_off_is_no_rationale():
    *rows, _ = await run(World(lambda request, rng: "The answer is 1. " + "word " * 30))
    assert {event.detail for event in rows} == {"4 cut off"}


async def test_the_cap_is_kept_and_the_rows_that_it_left_out_are_named():
    for cap in (80, 500, 1_000):
        world = World()
        *rows, end = await run(world, caps=BudgetCaps(generated_tokens=cap))
        assert world.target.num_generated <= cap
        assert end.spent.generated_tokens == world.target.num_generated
        assert len(rows) == 20
        left_out = [event for event in rows if "budget" in event.detail]
        assert bool(left_out) == (end.stop_reason == "budget")
    with pytest.raises(BudgetTooSmallError, match="at least 80"):
        await run(World(), caps=BudgetCaps(generated_tokens=79))


async def test_the_seconds_end_it_between_batches():
    *rows, end = await run(World(), caps=BudgetCaps(seconds=2))
    assert end.stop_reason == "budget"
    assert sum("budget" in event.detail for event in rows) == 12


async def test_killed_at_any_call_and_resumed_it_ends_the_same():
    whole = World()
    expected = stable(await run(whole, caps=BudgetCaps(generated_tokens=9_000, seconds=1_000)))
    assert len(whole.journal.entries) > 4
    for cut in range(1, len(whole.journal.entries) + 1):
        caps = BudgetCaps(generated_tokens=9_000, seconds=1_000)
        dying = World(die_at=cut)
        with pytest.raises(KilledError):
            await run(dying, caps=caps)
        resumed = World(replay=dying.journal.entries)
        assert stable(await run(resumed, caps=caps)) == expected


def test_rules_that_draw_nothing_are_refused():
    with pytest.raises(InvalidInputError, match="at least 1"):
        RationaleRule("x", samples=0)
