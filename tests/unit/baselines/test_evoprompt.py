"""EvoPrompt: populations that breed."""

import re

import numpy as np
import pytest

from pmpo.baselines.evoprompt import EvoPromptDe, EvoPromptGa, roulette
from pmpo.baselines.rival import View
from pmpo.baselines.standing import Ranked
from pmpo.errors import InvalidInputError
from pmpo.optim import events
from pmpo.optim.events import Candidate
from tests.unit.baselines.world import SPLITS, World, base, fates, of, run, spec

BOTH = [EvoPromptGa, EvoPromptDe]


def ranked(number, score, parent=0, prompt=None):
    return Ranked(Candidate(number, prompt or f"P{number}", parent), score, 1.0 - score)


def view(seed=3):
    return View(ranked(0, 0.9, None), SPLITS.train, "", (), "accuracy", np.random.default_rng(seed))


def tag(name, ask):
    return re.search(rf"<{name}>\n(.*?)\n</{name}>", ask.own[-1].content).group(1)


@pytest.mark.parametrize("kind", BOTH)
def test_the_population_begins_with_the_seed_and_its_paraphrases(kind):
    rival = kind(5)
    (ask,) = rival.asks(view())
    assert ask.num_samples == 4
    assert "<instruction>\nP0\n</instruction>" in ask.own[-1].content
    assert (ask.base, ask.parent.id) == ("P0", 0)


@pytest.mark.parametrize("kind", BOTH)
def test_missing_paraphrases_are_asked_for_again_beside_the_evolution(kind):
    rival = kind(5)
    rival.asks(view())
    rival.take([ranked(1, 0.5)])
    (again,) = rival.asks(view())
    assert again.num_samples == 3
    rival.take([ranked(2, 0.4)])
    paraphrase, *children = rival.asks(view())
    assert (paraphrase.num_samples, len(children)) == (2, 3)
    assert all(child.num_samples == 1 for child in children)
    assert paraphrase.num_samples + len(children) == rival.num_proposals


@pytest.mark.parametrize("kind", BOTH)
def test_too_small_a_population_is_refused(kind):
    with pytest.raises(InvalidInputError, match="population is 2"):
        kind(2).asks(view())


def test_ga_crosses_two_different_parents_and_the_best_survive():
    rival = EvoPromptGa(4)
    rival.asks(view())
    rival.take([ranked(1, 0.5), ranked(2, 0.4), ranked(3, 0.7)])
    asks = rival.asks(view())
    assert len(asks) == 4
    for ask in asks:
        first, second = tag("A", ask), tag("B", ask)
        assert first != second
        assert {first, second} <= {"P0", "P1", "P2", "P3"}
        assert ask.parent.prompt == first
    leavers = rival.take([ranked(4, 0.1, 1), ranked(5, 0.95, 2), ranked(6, 0.45, 2)])
    assert {candidate.id for candidate, _ in leavers} == {0, 3, 5}
    assert {why.reason for _, why in leavers} == {"selection"}


def test_ga_prefers_fit_parents():
    rival = EvoPromptGa(4)
    rival.asks(view())
    rival.take([ranked(1, 0.1), ranked(2, 0.95), ranked(3, 0.95)])
    mothers = [tag("A", ask) for seed in range(100) for ask in rival.asks(view(seed))]
    assert mothers.count("P1") > 0.7 * len(mothers)  # 0.9 of 1.1 in all


def test_roulette_is_in_proportion_and_even_where_nobody_is_fit():
    rng = np.random.default_rng(0)
    draws = [roulette([0.0, 1.0, 3.0], rng) for _ in range(4_000)]
    assert draws.count(0) == 0
    assert draws.count(2) == pytest.approx(3_000, abs=120)
    assert {roulette([0.0, 0.0], rng) for _ in range(50)} == {0, 1}


def test_de_shows_current_two_other_donors_and_the_best():
    rival = EvoPromptDe(4)
    rival.asks(view())
    rival.take([ranked(1, 0.5), ranked(2, 0.4), ranked(3, 0.7)])
    asks = rival.asks(view())
    assert [tag("current", ask) for ask in asks] == ["P0", "P1", "P2", "P3"]
    assert [ask.parent.id for ask in asks] == [0, 1, 2, 3]
    for ask in asks:
        assert tag("best", ask) == "P2"
        assert len({tag("A", ask), tag("B", ask), tag("current", ask)}) == 3


def test_de_a_child_replaces_its_own_member_alone_and_only_when_it_is_better():
    rival = EvoPromptDe(3)
    rival.asks(view())
    rival.take([ranked(1, 0.5), ranked(2, 0.4)])
    rival.asks(view())
    leavers = rival.take([ranked(3, 0.85, 0), ranked(4, 0.5, 1), ranked(5, 0.45, 2)])
    assert [candidate.id for candidate, _ in leavers] == [0, 4, 5]
    assert [tag("current", ask) for ask in rival.asks(view())] == ["P3", "P1", "P2"]


def test_de_paraphrases_take_the_free_places_before_children_stand_against_members():
    rival = EvoPromptDe(4)
    rival.asks(view())
    rival.take([ranked(1, 0.5), ranked(2, 0.4)])
    rival.asks(view())
    leavers = rival.take([ranked(3, 0.99, 0), ranked(4, 0.3, 0), ranked(5, 0.6, 1)])
    assert [candidate.id for candidate, _ in leavers] == [0, 5]
    assert [tag("current", ask) for ask in rival.asks(view())] == ["P4", "P1", "P2", "P3"]


@pytest.mark.parametrize("name", ["evoprompt_ga", "evoprompt_de"])
async def test_as_published_the_scorer_is_asked_for_the_report_alone(name):
    world = World()
    found = await run(world, name, spec(iterations=3), population=5)
    proposed, _, accepted = fates(found)
    assert world.scorer.num_calls == 2 + 2 * len(accepted) + 2
    answered = {request.messages[0].content for request in world.target.requests}
    assert answered >= {candidate.prompt for candidate in proposed.values()}


@pytest.mark.parametrize("name", ["evoprompt_ga", "evoprompt_de"])
async def test_with_the_shared_operator_children_are_rewrites_of_crossed_parents(name):
    world = World()
    found = await run(world, name, spec("loss", "shared", iterations=3), population=5)
    assert all(request.messages[-1].content.startswith("SHARED ") for request in world.rewriter.requests)
    shown = [request.messages[-1].content.removeprefix("SHARED ").split("\n")[0] for request in world.rewriter.requests]
    known = {base().prompt} | {event.candidate.prompt for event in of(events.CandidateProposed, found)}
    assert set(shown) - known, "no prompt to rewrite was a cross of two"
