"""Acceptance: what a run reports, and what a refusal leaves untouched."""

import pytest

from pmpo.optim import events
from tests.unit.baselines.world import SPLITS, World, base, fates, of, run, spec

OVERFITTED = "Learnt by heart."


def world_that_overfits():
    """The rewriter has one idea: it helps every training row and harms every other."""
    world = World(answers=lambda request, rng: answer(request))
    world.rewriter.write = lambda request, rng: f"<prompt>{OVERFITTED} Variant {rng.random()}.</prompt>"
    in_train = {example.index for example in SPLITS.train}
    plain = world.scorer

    class Overfitted(type(plain)):
        __slots__ = ()

        def loss(self, prompt, example):
            return 1.0 + (OVERFITTED in prompt) * (-0.5 if example.index in in_train else 0.5)

    object.__setattr__(world.ports, "scorer", Overfitted({}))
    return world


def answer(request):
    words = request.messages[-1].content.split()
    is_train = int(words[-1][1:]) < 100
    is_right = is_train if OVERFITTED in request.messages[0].content else words[-1] == "x103"
    return f"{words[-1]} {words[-2]}" if is_right else "wrong"


@pytest.mark.parametrize(
    ("scoring", "says"), [("loss", "validation loss 1.5"), ("accuracy", "validation error rate 1.0")]
)
@pytest.mark.parametrize("name", ["ape", "opro", "evoprompt_ga", "evoprompt_de"])
async def test_what_is_better_in_training_and_worse_in_validation_is_not_reported(name, scoring, says):
    found = await run(world_that_overfits(), name, spec(scoring, iterations=2), population=4)
    result = found[-1].result
    assert result.best.prompt == base().prompt
    _, dropped, _ = fates(found)
    assert "validation_loss" in dropped.values()
    details = [event.detail for event in of(events.CandidateDropped, found) if event.reason == "validation_loss"]
    assert all(detail.startswith(says) for detail in details)


async def test_a_refused_candidate_stays_in_its_rivals_population():
    world = world_that_overfits()
    await run(world, "opro", spec("loss", iterations=2), population=4)
    assert OVERFITTED in world.rewriter.requests[-1].messages[-1].content


async def test_at_most_two_candidates_of_a_round_are_tried_on_the_validation_set():
    world = world_that_overfits()
    found = await run(world, "opro", spec("accuracy", iterations=1), population=6)
    held_out = {example.input for example in SPLITS.validation}
    prompts = [item.messages[0].content for item in world.target.requests if item.messages[-1].content in held_out]
    proposed = fates(found)[0]
    assert len(proposed) == 6
    assert len(set(prompts) - {base().prompt}) == 2
