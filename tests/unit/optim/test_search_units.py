"""Units from the model, and both ways of masking, inside a whole search."""

import dataclasses

import pytest

from pmpo.errors import InvalidInputError, TooLongError
from pmpo.optim import events
from pmpo.optim.spec import BudgetCaps
from pmpo.testing.ports import FakeScorer, phrase_rewriter
from tests.unit.optim.world import MASK_META, PHRASES, World, mark_sentences, marking, run, spec

BY_MODEL = {"units": "model", "mask_meta": MASK_META}


class Recording(FakeScorer):
    def __init__(self, penalties):
        super().__init__(penalties)
        self.asked = []

    async def score(self, prompts, examples):
        self.asked.extend(prompts)
        return await FakeScorer.score(self, prompts, examples)


def world(mark=mark_sentences):
    made = World()
    made.rewriter.write = marking(phrase_rewriter(PHRASES), mark)
    return made


def measured(found):
    return [event for event in found if isinstance(event, events.UnitsMeasured)]


async def test_the_models_units_are_measured_and_it_is_asked_once_an_incumbent():
    asked = world()
    found = await run(asked, spec(**BY_MODEL))
    assert {event.source for event in measured(found)} == {"model"}
    incumbents = {event.incumbent_id for event in found if isinstance(event, events.IterationStarted)}
    requests = [request for request in asked.rewriter.requests if request.messages[0].content == MASK_META.system]
    assert len(requests) == len(measured(found)) == len(incumbents)
    assert {request.temperature for request in requests} == {0.0}


async def test_an_answer_that_is_no_copy_gives_way_to_the_rule_and_says_so():
    found = await run(world(lambda prompt: "<mask>Something else.</mask>"), spec(**BY_MODEL))
    by_rule = await run(World(), spec())
    assert {event.source for event in measured(found)} == {"rule"}
    assert all("it is not the prompt" in event.detail for event in measured(found))
    assert measured(found)[0].importances == measured(by_rule)[0].importances
    assert measured(by_rule)[0].detail == ""


async def test_what_the_model_writes_to_mark_units_is_counted():
    asked = world()
    spent = (await run(asked, spec(**BY_MODEL)))[-1].result.spent
    assert spent.generated_tokens == asked.rewriter.num_generated + asked.target.num_generated


async def test_a_budget_without_room_for_marks_is_refused_at_the_start():
    refusals = []
    for changes in ({}, BY_MODEL):
        with pytest.raises(InvalidInputError, match="generated_tokens 1") as refusal:
            await run(world(), spec(caps=BudgetCaps(generated_tokens=1), **changes))
        refusals.append(int(str(refusal.value).split("at least ")[1].split(")")[0]))
    assert refusals[1] > refusals[0]


async def test_a_filler_in_a_units_place_is_another_prompt_than_its_absence():
    deleted, replaced = World(), World()
    recorded = Recording(replaced.scorer.penalties)
    replaced.ports = dataclasses.replace(replaced.ports, scorer=recorded)
    (by_deleting,) = measured(await run(deleted, spec(iterations=1)))
    (by_replacing,) = measured(await run(replaced, spec(iterations=1, mask_mode="placeholder")))
    assert [row.unit for row in by_deleting.importances] == [row.unit for row in by_replacing.importances]
    assert by_deleting.importances != by_replacing.importances
    assert {"Do it. ...", "... Take your time."} <= set(recorded.asked)


async def test_a_filler_that_does_not_fit_gives_way_to_deleting():
    class Narrow(FakeScorer):
        async def num_scored_tokens(self, prompts, examples):
            if any("..." in prompt for prompt in prompts):
                raise TooLongError("too long")
            return await FakeScorer.num_scored_tokens(self, prompts, examples)

    narrow = World()
    narrow.ports = dataclasses.replace(narrow.ports, scorer=Narrow(narrow.scorer.penalties))
    found = await run(narrow, spec(iterations=1, mask_mode="placeholder"))
    assert measured(found) == measured(await run(World(), spec(iterations=1)))


def test_units_by_the_model_need_a_meta_prompt():
    with pytest.raises(InvalidInputError, match="units: model needs a meta-prompt"):
        spec(units="model")
