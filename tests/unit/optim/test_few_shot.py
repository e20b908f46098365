"""Demonstrations on a synthetic task: what is chosen, what never is, and what is said when none helps."""

import dataclasses

import pytest

from pmpo.errors import BudgetTooSmallError, InvalidInputError
from pmpo.optim import events
from pmpo.optim.journal import SearchPorts
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.search import search
from pmpo.optim.spec import BudgetCaps, FewShotRule, SearchSpec
from pmpo.optim.types import Example, Splits
from pmpo.testing.ports import ExactGrader, FakeClock, FakeScorer, KilledError, MemoryJournal, ScriptedGenerator

META = MetaPrompt("Improve.", "{{prompt}}")
PROMPT = "Sort the words."


def examples(count, start=0):
    return tuple(Example(row, f"w{row} x{row}", (f"x{row} w{row}",)) for row in range(start, start + count))


SPLITS = Splits(examples(20), examples(10, 100), examples(12, 200))
HELPFUL = {"Output: x3 w3": 0.5, "Output: x7 w7": 0.3, "Output: x11 w11": 0.1}


def spec(**changes):
    settings = {"prompt": PROMPT, "rewrite_meta": META, "iterations": 0, "seed": 7, "max_answer_tokens": 8}
    return SearchSpec(**{**settings, "few_shot": FewShotRule(candidates=20), **changes})


class World:
    def __init__(self, penalties=None, replay=(), die_at=None):
        self.scorer = FakeScorer(HELPFUL if penalties is None else penalties, noise=0.0)
        self.target = ScriptedGenerator(lambda request, rng: "wrong")
        self.rewriter = ScriptedGenerator(lambda request, rng: f"<prompt>Sort. Variant {rng.random()}.</prompt>")
        self.journal = MemoryJournal(list(replay), die_at)
        self.ports = SearchPorts(
            self.scorer, self.rewriter, self.target, FakeClock(), self.journal, ExactGrader(), tuple(replay)
        )


async def run(world, job=None, splits=SPLITS):
    return [event async for event in search(job or spec(), splits, world.ports)]


def stable(found):
    def strip(value):
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            return {name: strip(getattr(value, name)) for name in names if name not in {"seconds", "computed_tokens"}}
        return [strip(item) for item in value] if isinstance(value, tuple) else value

    return [(type(event).__name__, strip(event)) for event in found]


async def test_the_most_helpful_come_first_and_choosing_ends_when_none_helps():
    found = await run(World())
    result = found[-1].result
    assert result.demonstrations.rows == (3, 7, 11)
    assert result.best.prompt == (
        f"{PROMPT}\n\nInput: w3 x3\nOutput: x3 w3\n\nInput: w7 x7\nOutput: x7 w7\n\nInput: w11 x11\nOutput: x11 w11"
    )
    assert result.demonstrations.detail == "no further demonstration lowered the validation loss"
    assert (result.demonstrations.num_tried, result.verdict, result.num_iterations) == (20, "confirmed", 0)
    steps = [event for event in found if isinstance(event, events.DemonstrationsScored)]
    assert [step.chosen_row for step in steps] == [3, 7, 11, None]
    assert [len(step.rows) for step in steps] == [20, 19, 18, 17]
    assert all(len(row) == 10 for step in steps for row in step.losses)
    assert [event.number for event in found] == list(range(1, len(found) + 1))


async def test_a_demonstration_leaves_the_scored_set():
    world = World()
    result = (await run(world))[-1].result
    rest = [example for example in SPLITS.train if example.index not in (3, 7, 11)]
    for prompt, loss in ((PROMPT, result.train_loss_before), (result.best.prompt, result.train_loss_after)):
        assert loss == pytest.approx(sum(world.scorer.loss(prompt, example) for example in rest) / len(rest))


async def test_none_helps_and_that_is_said():
    result = (await run(World({})))[-1].result
    assert result.demonstrations.rows == ()
    assert result.demonstrations.detail == "no further demonstration lowered the validation loss"
    assert (result.best.prompt, result.verdict) == (PROMPT, "unconfirmed")
    assert result.demonstrations.validation_loss_before == result.demonstrations.validation_loss_after


async def test_no_more_than_were_asked_for():
    result = (await run(World(), spec(few_shot=FewShotRule(2, 20))))[-1].result
    assert (result.demonstrations.rows, result.demonstrations.detail) == ((3, 7), "2 are the most that were asked for")


async def test_rows_of_other_sets_anchors_and_braces_are_never_shown():
    train = list(SPLITS.train)
    train[3] = dataclasses.replace(train[3], input=SPLITS.test[0].input + " ")
    train[4] = dataclasses.replace(train[4], input=SPLITS.validation[0].input)
    train[5] = dataclasses.replace(train[5], targets=("{{input}}",))
    train[6] = dataclasses.replace(train[6], weight=0.0)
    found = await run(World(), spec(anchors=(7,)), dataclasses.replace(SPLITS, train=tuple(train)))
    shown = {row for event in found if isinstance(event, events.DemonstrationsScored) for row in event.rows}
    assert shown == set(range(20)) - {3, 4, 5, 6, 7}
    assert found[-1].result.demonstrations.rows == (11,)


async def test_an_anchor_never_gets_worse():
    class Anchored(FakeScorer):
        def loss(self, prompt, example):
            harm = 2.0 if "Output: x3 w3" in prompt and example.index == 2 else 0.0
            return super().loss(prompt, example) + harm

    world = World()
    world.ports = dataclasses.replace(world.ports, scorer=Anchored(HELPFUL, noise=0.0))
    assert (await run(world, spec(anchors=(2,))))[-1].result.demonstrations.rows == (7, 11)


async def test_the_token_limit_holds_for_the_whole_prompt():
    world = World()
    found = await run(world, spec(max_prompt_tokens=16))
    assert found[-1].result.demonstrations.rows == (3, 7)
    assert "max_prompt_tokens" in found[-1].result.demonstrations.detail
    world.scorer.context_tokens = 22
    found = await run(World(), spec(max_prompt_tokens=4))
    assert found[-1].result.demonstrations.rows == ()


async def test_what_outgrows_the_context_is_left_out():
    world = World()
    world.scorer.context_tokens = 22
    found = await run(world)
    assert "the model's context" in found[-1].result.demonstrations.detail
    assert len(found[-1].result.demonstrations.rows) == 2


async def test_they_come_after_the_search_for_an_instruction():
    world = World({**HELPFUL, "Variant": 0.4})
    result = (await run(world, spec(iterations=2)))[-1].result
    assert "Variant" in result.best.prompt and "Output: x3 w3" in result.best.prompt
    assert result.demonstrations.validation_loss_after < result.demonstrations.validation_loss_before


async def test_the_caps_hold_and_the_test_is_always_there():
    whole = World()
    spent = (await run(whole, spec(max_prompt_tokens=40)))[-1].result.spent
    assert spent.scored_tokens == whole.scorer.num_scored
    details = set()
    for cap in range(9_500, whole.scorer.num_scored + 2_000, 1_500):
        world = World()
        caps = BudgetCaps(scored_tokens=cap)
        result = (await run(world, spec(max_prompt_tokens=40, variants=1, hard_examples=1, caps=caps)))[-1].result
        assert world.scorer.num_scored <= cap
        assert result.test is not None
        details.add(result.demonstrations.detail.split(":")[0])
    assert "the budget" in details


async def test_killed_at_any_call_and_resumed_it_ends_the_same():
    job = spec(few_shot=FewShotRule(2, 4))
    whole = World()
    expected = stable(await run(whole, job))
    for cut in range(1, len(whole.journal.entries) + 1):
        dying = World(die_at=cut)
        with pytest.raises(KilledError):
            await run(dying, job)
        assert stable(await run(World(replay=dying.journal.entries), job)) == expected


async def test_few_rows_are_not_shown_away():
    few = dataclasses.replace(SPLITS, train=SPLITS.train[2:5])
    result = (await run(World({"Output": 0.5, "w2": 0.5, "w4": 0.1}), splits=few))[-1].result
    assert len(result.demonstrations.rows) == 1
    assert "too few training rows" in result.demonstrations.detail


def test_rules_that_choose_nothing_are_refused():
    with pytest.raises(InvalidInputError, match="at least 1"):
        FewShotRule(max_demonstrations=0)
    with pytest.raises(InvalidInputError, match="iterations is 0"):
        SearchSpec(PROMPT, META, iterations=0)


async def test_without_iterations_the_smallest_budget_counts_none():
    def capped(**caps):
        return spec(max_prompt_tokens=40, caps=BudgetCaps(**caps))

    says = r"the prompt's scoring and the final test: scored_tokens 1 \(at least (\d+)\); generated_tokens 1 \(at l"
    with pytest.raises(BudgetTooSmallError, match=says) as refusal:
        await run(World(), capped(scored_tokens=1, generated_tokens=1))
    scored, generated = (int(part.split(")")[0]) for part in str(refusal.value).split("at least ")[1:])
    with_iteration = dataclasses.replace(capped(scored_tokens=scored, generated_tokens=generated), iterations=1)
    with pytest.raises(BudgetTooSmallError, match="the final test and one iteration"):
        await run(World(), with_iteration)
    enough = World()
    result = (await run(enough, capped(scored_tokens=scored, generated_tokens=generated)))[-1].result
    assert result.test is not None
    assert enough.scorer.num_scored <= scored
    assert enough.target.num_generated <= generated
