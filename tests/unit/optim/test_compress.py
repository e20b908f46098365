"""Compression on a synthetic task: what may go, what must stay, and what is said about it."""

import dataclasses

import numpy as np
import pytest

from pmpo.errors import BudgetTooSmallError, InvalidInputError
from pmpo.optim import events
from pmpo.optim.compress import compress
from pmpo.optim.deletion import DeletionRule, without_units
from pmpo.optim.importance import units_of
from pmpo.optim.journal import SearchPorts
from pmpo.optim.non_inferiority import against_margin, not_worse_verdict
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.spec import BudgetCaps, SearchSpec
from pmpo.optim.types import Example, Splits
from pmpo.testing.ports import ExactGrader, FakeClock, FakeScorer, KilledError, MemoryJournal, ScriptedGenerator

PROMPT = "Sort the words. The sky is blue. Use commas. Take your time. Be kind."
PENALTIES = {"Sort the words.": 0.8, "Use commas.": 0.4}
FILLER = {"The sky is blue.", "Take your time.", "Be kind."}
META = MetaPrompt("Improve.", "{{prompt}}")


def examples(count, start=0):
    return tuple(Example(row, f"w{row} x{row}", (f"x{row} w{row}",)) for row in range(start, start + count))


SPLITS = Splits(examples(20), examples(10, 100), examples(12, 200))


def spec(**changes):
    return SearchSpec(**{"prompt": PROMPT, "rewrite_meta": META, "seed": 7, "max_answer_tokens": 8, **changes})


class World:
    def __init__(self, penalties=None, replay=(), die_at=None, noise=0.005):
        self.scorer = FakeScorer(PENALTIES if penalties is None else penalties, noise=noise)
        self.target = ScriptedGenerator(lambda request, rng: "wrong")
        self.journal = MemoryJournal(list(replay), die_at)
        self.ports = SearchPorts(
            self.scorer, self.target, self.target, FakeClock(), self.journal, ExactGrader(), tuple(replay)
        )


async def run(world, job=None, rule=None, splits=SPLITS):
    return [event async for event in compress(job or spec(), rule or DeletionRule(), splits, world.ports)]


def stable(found):
    def strip(value):
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            return {name: strip(getattr(value, name)) for name in names if name not in {"seconds", "computed_tokens"}}
        return [strip(item) for item in value] if isinstance(value, tuple) else value

    return [(type(event).__name__, strip(event)) for event in found]


async def test_filler_goes_what_matters_stays_and_every_unit_is_accounted_for():
    result = (await run(World()))[-1].result
    assert result.best.prompt == "Sort the words. Use commas."
    assert (result.stop_reason, result.verdict) == ("all_tried", "confirmed")
    report = result.compression
    assert {fate.text for fate in report.units if fate.is_deleted} == FILLER
    assert {fate.text: fate.reason for fate in report.units if not fate.is_deleted} == dict.fromkeys(
        PENALTIES, "important"
    )
    assert (report.tokens_before, report.tokens_after) == (len(PROMPT.split()), 5)
    assert sum(fate.num_tokens for fate in report.units) == report.tokens_before - report.tokens_after
    assert all(fate.validation_loss is not None for fate in report.units if fate.is_deleted)


async def test_the_least_important_goes_first():
    world = World({"The sky is blue.": -0.5, **PENALTIES}, noise=0.0)
    deleted = [fate for fate in (await run(world))[-1].result.compression.units if fate.is_deleted]
    assert deleted[0].text == "The sky is blue."
    assert deleted[0].importance < -0.2
    assert [fate.importance for fate in deleted] == sorted(fate.importance for fate in deleted)


class Redundant(FakeScorer):
    """Either of two sentences is enough; without both the loss is high."""

    def loss(self, prompt, example):
        return 0.2 if "Sort the words." in prompt or "Order the words." in prompt else 1.2


async def test_of_two_sentences_that_say_the_same_one_stays():
    world = World()
    world.ports = dataclasses.replace(world.ports, scorer=Redundant({}))
    job = spec(prompt="Sort the words. Order the words. Be kind.")
    result = (await run(world, job))[-1].result
    assert result.best.prompt in {"Sort the words.", "Order the words."}
    kept = [fate for fate in result.compression.units if not fate.is_deleted]
    assert [(fate.reason, abs(fate.importance) < 1e-9) for fate in kept] == [("train_loss", True)]
    assert kept[0].train_loss == pytest.approx(1.2)


class Overfit(FakeScorer):
    """A sentence that the training rows do not need and the others do."""

    def loss(self, prompt, example):
        return 0.2 + (0.5 if "Be kind." not in prompt and example.index >= 100 else 0.0)


async def test_what_only_validation_misses_stays():
    world = World()
    world.ports = dataclasses.replace(world.ports, scorer=Overfit({}))
    result = (await run(world, spec(protected=("Sort the words.",))))[-1].result
    (kept,) = [fate for fate in result.compression.units if not fate.is_deleted]
    assert (kept.text, kept.reason) == ("Be kind.", "validation_loss")
    assert result.best.prompt == "Sort the words. Be kind."
    assert result.validation_loss_after <= result.validation_loss_before + result.compression.tolerance


async def test_small_losses_may_not_add_up_beyond_the_tolerance():
    penalties = {f"Rule {number} holds.": 0.008 for number in range(8)}
    job = spec(prompt=" ".join(penalties))
    result = (await run(World(penalties, noise=0.0), job, DeletionRule(epsilon=0.02, tolerance=0.02)))[-1].result
    rise = result.validation_loss_after - result.validation_loss_before
    assert 0 < rise <= 0.02 + 1e-12
    assert "validation_loss" in {fate.reason for fate in result.compression.units}


async def test_the_prompt_never_becomes_empty():
    result = (await run(World({}, noise=0.0)))[-1].result
    assert len(result.best.prompt.split(".")) == 2
    assert [fate.reason for fate in result.compression.units if not fate.is_deleted] == ["last_unit"]


async def test_placeholders_protected_text_and_anchors_are_never_harmed():
    job = spec(prompt="Be kind. Read {{input}} now. Take your time. Answer in JSON.", protected=("Answer in JSON.",))
    found = (await run(World({}, noise=0.0), job))[-1].result.best.prompt
    assert "{{input}}" in found and "Answer in JSON." in found
    assert "Take your time." not in found

    class Anchored(FakeScorer):
        def loss(self, prompt, example):
            return 0.2 + (0.05 if example.index == 3 and "Be kind." not in prompt else 0.0)

    world = World()
    world.ports = dataclasses.replace(world.ports, scorer=Anchored({}))
    fates = (await run(world, spec(anchors=(3,), protected=("Sort the words.",))))[-1].result.compression.units
    assert [(fate.text, fate.reason) for fate in fates if not fate.is_deleted] == [("Be kind.", "anchor")]


@pytest.mark.parametrize("prompt", ["Sort the words.", "{{input}}", "```\nA. B. C.\n```"])
async def test_a_prompt_without_two_units_is_refused_before_anything_is_asked(prompt):
    world = World()
    with pytest.raises(InvalidInputError, match="nothing to compress"):
        await run(world, spec(prompt=prompt))
    assert world.journal.entries == []


async def test_where_everything_matters_nothing_goes_and_that_is_said():
    penalties = dict.fromkeys(["Sort the words.", "The sky is blue.", "Use commas.", "Take your time.", "Be kind."], 1)
    result = (await run(World(penalties)))[-1].result
    assert (result.best.prompt, result.verdict, result.num_iterations) == (PROMPT, "unconfirmed", 0)
    assert "none of the 5 units could go" in result.detail
    assert {fate.reason for fate in result.compression.units} == {"important"}


async def test_events_are_those_of_a_search_and_equal_on_every_run():
    found = await run(World())
    assert [event.number for event in found] == list(range(1, len(found) + 1))
    tried = {event.candidate.id for event in found if isinstance(event, events.CandidateProposed)}
    accepted = {event.candidate.id for event in found if isinstance(event, events.IncumbentAccepted)}
    dropped = {event.candidate_id for event in found if isinstance(event, events.CandidateDropped)}
    assert tried == accepted | dropped
    assert not accepted & dropped
    assert stable(found) == stable(await run(World()))


async def test_killed_at_any_call_and_resumed_it_ends_the_same():
    whole = World()
    expected = stable(await run(whole))
    for cut in range(1, len(whole.journal.entries) + 1):
        dying = World(die_at=cut)
        with pytest.raises(KilledError):
            await run(dying)
        resumed = World(replay=dying.journal.entries)
        assert stable(await run(resumed)) == expected
        assert resumed.scorer.num_scored <= whole.scorer.num_scored


async def test_the_ledger_equals_what_was_asked_and_no_cap_is_exceeded():
    whole = World()
    spent = (await run(whole))[-1].result.spent
    assert (spent.scored_tokens, spent.generated_tokens) == (whole.scorer.num_scored, whole.target.num_generated)
    with pytest.raises(BudgetTooSmallError, match=r"at least (\d+)") as refusal:
        await run(World(), spec(caps=BudgetCaps(scored_tokens=10)))
    least = int(str(refusal.value).split("at least ")[1].split(")")[0])
    ends = set()
    for cap in range(least, whole.scorer.num_scored + 200, 100):
        world = World()
        result = (await run(world, spec(caps=BudgetCaps(scored_tokens=cap))))[-1].result
        assert world.scorer.num_scored <= cap
        assert result.test is not None
        ends.add(result.stop_reason)
        assert len(result.compression.units) == 5
    assert ends == {"budget", "all_tried"}


async def test_the_seconds_end_the_deletions_but_not_the_test():
    result = (await run(World(), spec(caps=BudgetCaps(seconds=2))))[-1].result
    assert (result.stop_reason, result.num_iterations) == ("budget", 1)
    assert result.test is not None
    assert "budget" in {fate.reason for fate in result.compression.units}


def comparison(differences):
    from pmpo.optim.acceptance import compare

    before = np.ones(len(differences))
    return compare(before, before + np.array(differences), np.ones(len(differences)), 0)


def test_no_difference_found_is_not_yet_not_worse():
    noisy = comparison([0.5, -0.5, 0.4, -0.4, 0.3, -0.3])
    assert not_worse_verdict(noisy, 0.05, changed=True) == "unconfirmed"
    quiet = comparison([0.01, -0.01, 0.02, 0.0, -0.02, 0.01])
    assert not_worse_verdict(quiet, 0.05, changed=True) == "confirmed"
    assert not_worse_verdict(quiet, 0.05, changed=False) == "unconfirmed"
    assert not_worse_verdict(None, 0.05, changed=True) == "untested"


def test_a_prompt_that_is_worse_by_the_margin_is_confirmed_in_at_most_5_percent():
    rng = np.random.default_rng(3)
    verdicts = []
    for _ in range(300):
        test = comparison(0.05 + 0.1 * rng.standard_normal(12))
        verdicts.append(not_worse_verdict(test, 0.05, changed=True))
    assert verdicts.count("confirmed") <= 15


def test_the_p_value_is_about_the_margin():
    test = comparison([0.01, 0.02, 0.01, 0.0, 0.02, 0.01, 0.01])
    assert test.p_value > 0.5
    assert against_margin(test, np.ones(7), 0.05, 0).p_value == pytest.approx(1 / 128)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"tolerance": -0.1}, "tolerance is -0.1"),
        ({"tolerance": 0.05, "margin": 0.05}, "must be larger"),
        ({"max_units": 0}, "max_units is 0"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits, words):
    with pytest.raises(InvalidInputError, match=words):
        DeletionRule(**limits)


def test_several_units_are_taken_out_in_one_go():
    units = units_of(PROMPT, (), 40)
    assert without_units(PROMPT, [units[1], units[4], units[3]]) == "Sort the words. Use commas."
    assert without_units(PROMPT, units) == ""
