"""Restarts, several seed prompts, divergence, barren rewriters: when a plain climb is not enough."""

from itertools import pairwise

import pytest

from pmpo.errors import InvalidInputError, PlaceholderError
from pmpo.optim import events
from tests.unit.optim.world import PENALTIES, SPLITS, World, run, spec

STUCK = {"iterations": 40, "patience": 2}
SEEDS = ("Do it.", "Do it well. The sky is blue.", "Use commas. Do it.", "Sort the words.")


def of(found, kind):
    return [event for event in found if isinstance(event, kind)]


def before_the_first_round(found):
    return found[: found.index(of(found, events.IterationStarted)[0])]


def result(found):
    return found[-1].result


async def test_without_restarts_patience_ends_the_search():
    found = await run(World(), spec(**STUCK))
    assert result(found).stop_reason == "patience"
    assert of(found, events.SearchRestarted) == []


async def test_a_restart_goes_on_from_the_best_runner_up_and_is_said():
    found = await run(World(), spec(**STUCK, restarts=2))
    restarts = of(found, events.SearchRestarted)
    assert [event.restart for event in restarts] == [1, 2]
    assert result(found).num_restarts == 2
    assert result(found).stop_reason in {"patience", "no_rewrites"}
    first = restarts[0]
    losers = {event.candidate_id for event in of(found, events.CandidateDropped) if event.number < first.number}
    assert first.candidate.id in losers
    after = next(event for event in of(found, events.IterationStarted) if event.number > first.number)
    assert (after.incumbent_id, after.train_loss) == (first.candidate.id, first.train_loss)


async def test_the_training_loss_never_rises_but_across_a_restart_where_it_is_said():
    found = await run(World(), spec(**STUCK, restarts=3))
    told = of(found, events.IterationFinished | events.SearchRestarted)
    assert any(isinstance(event, events.SearchRestarted) for event in told)
    for earlier, later in pairwise(told):
        if isinstance(later, events.IterationFinished):
            assert later.train_loss <= earlier.train_loss
            assert later.validation_loss <= earlier.validation_loss


@pytest.mark.parametrize("seed", range(4))
async def test_a_restart_never_makes_the_end_worse(seed):
    plain = result(await run(World(), spec(**STUCK, seed=seed)))
    again = result(await run(World(), spec(**STUCK, seed=seed, restarts=3)))
    assert again.validation_loss_after <= plain.validation_loss_after
    assert again.train_loss_after <= again.train_loss_before


async def test_after_a_restart_the_best_so_far_is_not_called_beaten_before_it_is():
    found = await run(World(), spec(**STUCK, restarts=3))
    best = of(found, events.SearchStarted)[0].validation_loss
    for event in of(found, events.IncumbentAccepted | events.SearchRestarted):
        assert event.is_best == (event.validation_loss <= best)
        best = min(best, event.validation_loss)
    assert result(found).validation_loss_after == pytest.approx(best)


async def test_a_runner_up_never_breaks_an_anchor():
    world = World()
    found = await run(world, spec(**STUCK, restarts=3, anchors=(3,)))
    anchor = next(example for example in SPLITS.train if example.index == 3)
    allowed = world.scorer.loss(spec().prompt, anchor) + spec().min_delta
    restarts = of(found, events.SearchRestarted)
    assert restarts
    assert all(world.scorer.loss(event.candidate.prompt, anchor) <= allowed for event in restarts)


async def test_a_rewriter_with_nothing_to_say_ends_the_search_restarts_or_not():
    world = World()
    write = world.rewriter.write

    def dries_up(request, rng):
        return write(request, rng) if len(world.rewriter.requests) <= 3 else "Sorry, no."

    world.rewriter.write = dries_up
    found = await run(world, spec(iterations=60, patience=4, restarts=20))
    assert of(found, events.SearchRestarted)
    assert result(found).stop_reason == "no_rewrites"
    assert "Sorry, no." in result(found).detail
    assert result(found).num_iterations == 11


async def test_every_seed_is_scored_and_the_search_begins_with_the_best():
    found = await run(World(), spec(prompt=SEEDS[0], more_prompts=SEEDS[1:]))
    opening = before_the_first_round(found)
    assert [event.candidate.prompt for event in of(opening, events.CandidateProposed)] == list(SEEDS[1:])
    assert {event.candidate_id for event in of(opening, events.CandidateScored)} == {1, 2, 3}
    assert {event.iteration for event in opening[1:]} == {0}
    (accepted,) = of(opening, events.IncumbentAccepted)
    assert accepted.candidate.prompt == "Sort the words."
    assert of(found, events.IterationStarted)[0].incumbent_id == accepted.candidate.id
    assert {event.candidate_id for event in of(opening, events.CandidateDropped)} == {1, 2}


async def test_the_test_compares_with_the_first_seed_whichever_the_search_began_with():
    found = await run(World(phrases=["The sky is blue."]), spec(prompt=SEEDS[0], more_prompts=SEEDS[1:]))
    assert result(found).seed.prompt == SEEDS[0]
    assert result(found).best.prompt == "Sort the words."
    assert (result(found).verdict, result(found).num_accepted, result(found).num_seeds) == ("confirmed", 0, 4)
    assert result(found).train_loss_before == of(found, events.SearchStarted)[0].train_loss


async def test_seeds_that_are_no_better_than_the_first_leave_it_the_incumbent():
    opening = before_the_first_round(await run(World(), spec(prompt=SEEDS[3], more_prompts=SEEDS[:2])))
    assert of(opening, events.IncumbentAccepted) == []
    assert {event.reason for event in of(opening, events.CandidateDropped)} == {"train_loss"}


async def test_a_seed_that_lost_is_a_runner_up_for_a_restart():
    changes = {"prompt": "Sort the words. Use commas.", "more_prompts": ("Use commas. Do it.",), "patience": 2}
    found = await run(World(phrases=["The sky is blue."]), spec(**changes, restarts=1))
    assert [event.candidate.prompt for event in of(found, events.SearchRestarted)] == ["Use commas. Do it."]


def test_a_seed_given_twice_is_one_seed():
    assert spec(prompt="A.", more_prompts=("B.", "A.", "B.")).seeds == ("A.", "B.")


def test_seeds_must_have_the_same_placeholders_and_a_text():
    with pytest.raises(PlaceholderError, match=r"prompt 2 of prompts .* \{\{input\}\}"):
        spec(prompt="Do it: {{input}}", more_prompts=("Do it.",))
    with pytest.raises(InvalidInputError, match="prompt 3 of prompts is empty"):
        spec(prompt="A.", more_prompts=("B.", " "))


def answers_that_get_worse(request, rng):
    """The more of the phrases that lower the loss a prompt has, the fewer rows are answered right."""
    system, user = request.messages
    first, second = user.content.split()
    num_phrases = sum(phrase in system.content for phrase in PENALTIES)
    return f"{second} {first}" if int(first[1:]) % 4 >= num_phrases else "wrong"


def one_phrase_more(request, rng):
    prompt = request.messages[1].content.split("\n")[0]
    missing = [phrase for phrase in PENALTIES if phrase not in prompt]
    return f"<prompt>{prompt} {rng.choice(missing)}</prompt>" if missing else "nothing"


def diverging_world():
    world = World(answers=answers_that_get_worse)
    world.rewriter.write = one_phrase_more
    return world


async def test_a_loss_and_an_accuracy_that_fall_twice_stop_the_search_and_the_most_accurate_prompt_is_returned():
    found = await run(diverging_world(), spec(prompt="Sort the words."))
    accepted = of(found, events.IncumbentAccepted)
    accuracies = [of(found, events.SearchStarted)[0].validation_accuracy]
    accuracies += [event.validation_accuracy for event in accepted]
    assert accuracies == sorted(set(accuracies), reverse=True)
    assert len(accepted) == 2
    assert result(found).stop_reason == "diverged"
    assert result(found).best.prompt == "Sort the words."
    assert result(found).verdict == "unconfirmed"
    assert result(found).test is not None


async def test_without_a_metric_nothing_diverges():
    found = await run(diverging_world(), spec(prompt="Say it.", with_accuracy=False))
    assert result(found).stop_reason != "diverged"
