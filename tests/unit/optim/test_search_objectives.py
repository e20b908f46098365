"""The whole search on pairs and on options: the same invariants as with one target."""

import dataclasses
import math
from itertools import pairwise

import pytest

from pmpo.errors import BudgetTooSmallError, NonFiniteScoreError
from pmpo.optim import events
from pmpo.optim.journal import SearchPorts
from pmpo.optim.preference import MultipleChoice, Preference
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.search import search
from pmpo.optim.spec import BudgetCaps, SearchSpec
from pmpo.optim.types import Example, Splits
from pmpo.testing.ports import (
    ExactGrader,
    FakeClock,
    FakeScorer,
    MemoryJournal,
    ScriptedGenerator,
    phrase_rewriter,
)

PHRASES = ["Be kind.", "Be brief.", "Take your time.", "The sky is blue."]
PENALTIES = {"Be kind.": 0.5, "Be brief.": 0.4}
META = MetaPrompt("Improve.", "{{prompt}}\n{{input}} -> {{target}}")
ANSWERS = {"preference": ("good one", "bad one of more words"), "options": ("B", "A", "C", "D")}
OBJECTIVES = {"preference": Preference(), "options": MultipleChoice(), "options_ce": MultipleChoice("cross_entropy")}


def splits(kind, **changes):
    def rows(count, start):
        targets = ANSWERS[kind.removesuffix("_ce")]
        return tuple(Example(row, f"w{row} x{row}", targets, **changes) for row in range(start, start + count))

    return Splits(rows(20, 0), rows(10, 100), rows(12, 200))


def spec(kind, **changes):
    settings = {
        "prompt": "Do it.",
        "rewrite_meta": META,
        "iterations": 4,
        "patience": 4,
        "seed": 7,
        "objective": OBJECTIVES[kind],
        "with_accuracy": kind != "preference",
    }
    return SearchSpec(**{**settings, **changes})


class World:
    def __init__(self, scorer=None):
        self.scorer = scorer or FakeScorer(PENALTIES)
        self.rewriter = ScriptedGenerator(phrase_rewriter(PHRASES))
        self.target = ScriptedGenerator(lambda request, rng: "B" if "Be kind." in request.messages[0].content else "A")
        self.ports = SearchPorts(
            self.scorer, self.rewriter, self.target, FakeClock(), MemoryJournal(), grader=ExactGrader()
        )


async def run(world, search_spec, sets):
    return [event async for event in search(search_spec, sets, world.ports)]


@pytest.mark.parametrize("selection", ["halving", "race", "full"])
@pytest.mark.parametrize("kind", OBJECTIVES)
async def test_a_search_finds_what_makes_the_right_answer_win(kind, selection):
    world = World()
    found = await run(world, spec(kind, selection=selection), splits(kind))
    result = found[-1].result
    assert all(phrase in result.best.prompt for phrase in PENALTIES)
    assert result.verdict == "confirmed"
    assert (result.spent.scored_tokens, result.spent.generated_tokens) == (
        world.scorer.num_scored,
        world.rewriter.num_generated + world.target.num_generated,
    )
    assert result.test.preferred_before < result.test.preferred_after == 1.0
    finished = [event.train_loss for event in found if isinstance(event, events.IterationFinished)]
    assert all(later <= earlier for earlier, later in pairwise(finished))


async def test_pairs_have_no_accuracy_and_options_have_one():
    pairs = (await run(World(), spec("preference"), splits("preference")))[-1].result.test
    options = (await run(World(), spec("options"), splits("options")))[-1].result.test
    assert (pairs.accuracy_before, pairs.accuracy_after) == (None, None)
    assert (options.accuracy_before, options.accuracy_after) == (0.0, 1.0)


@pytest.mark.parametrize("kind", ["preference", "options"])
async def test_the_rewriter_is_shown_the_right_answer_and_no_other(kind):
    world = World()
    await run(world, spec(kind, iterations=1), splits(kind))
    asked = [turn.content for request in world.rewriter.requests for turn in request.messages]
    assert any(content.endswith(f"-> {ANSWERS[kind][0]}") for content in asked)
    assert not any(ANSWERS["preference"][1] in content for content in asked)


async def test_a_wider_margin_costs_more():
    plain, wide = splits("preference"), splits("preference", margin=2.0)
    losses = [(await run(World(), spec("preference", iterations=1), sets))[0].train_loss for sets in (plain, wide)]
    assert losses[1] > losses[0] + 0.5


@pytest.mark.parametrize("selection", ["halving", "race", "full"])
@pytest.mark.parametrize("kind", ["preference", "options"])
async def test_the_smallest_budget_that_is_named_is_enough_for_one_whole_round(kind, selection):
    limits = {"iterations": 1, "selection": selection, "max_prompt_tokens": 12}
    world = World()
    with pytest.raises(BudgetTooSmallError) as refusal:
        await run(world, spec(kind, caps=BudgetCaps(scored_tokens=500), **limits), splits(kind))
    assert world.scorer.num_scored == 0
    enough = int(str(refusal.value).split("at least ")[1].split(")")[0])
    world = World()
    result = (await run(world, spec(kind, caps=BudgetCaps(scored_tokens=enough), **limits), splits(kind)))[-1].result
    assert (result.stop_reason != "budget", result.num_iterations) == (True, 1)
    assert world.scorer.num_scored <= enough


class Broken(FakeScorer):
    """Gives NaN for the rejected answer of row 3 under prompts that are kind."""

    async def score(self, prompts, examples):
        honest = await FakeScorer.score(self, prompts, examples)
        sums = [
            [
                (cell[0], math.nan) if example.index == 3 and "kind" in prompt else cell
                for example, cell in zip(examples, row, strict=True)
            ]
            for prompt, row in zip(prompts, honest.log_likelihoods, strict=True)
        ]
        return dataclasses.replace(honest, log_likelihoods=tuple(map(tuple, sums)))


async def test_nan_ends_the_search_with_the_row_and_the_prompt():
    with pytest.raises(NonFiniteScoreError, match=r"nan over 6 tokens .* row 3 \(from 0\) under the prompt '.*Be kind"):
        await run(World(Broken(PENALTIES)), spec("preference"), splits("preference"))


async def test_answers_are_asked_for_with_the_beginning_that_they_are_scored_with():
    world = World()
    await run(world, spec("options", iterations=1), splits("options", answer_prefix="The answer is "))
    assert {request.answer_prefix for request in world.target.requests} == {"The answer is "}
    assert {request.answer_prefix for request in world.rewriter.requests} == {""}
