"""APE: instructions from demonstrations, ranked by likelihood, resampled around the best."""

import pytest

from pmpo.baselines.ape import Ape
from pmpo.baselines.evaluation import Ucb
from pmpo.errors import InvalidInputError
from pmpo.optim import events
from tests.unit.baselines.world import SPLITS, World, base, of, run, spec


async def test_as_published_it_scores_by_likelihood_and_answers_only_for_the_report():
    world = World()
    await run(world, "ape", spec(iterations=3), population=6)
    answered = {request.messages[-1].content for request in world.target.requests}
    held_out = {example.input for example in (*SPLITS.validation, *SPLITS.test)}
    assert answered == held_out
    assert world.scorer.num_calls > 3


async def test_the_first_round_shows_five_demonstrations_to_each_request_and_never_the_seed():
    world = World()
    await run(world, "ape", spec(iterations=1), population=6)
    assert len(world.rewriter.requests) == 6
    inputs = {example.input: example for example in SPLITS.train}
    shown = []
    for request in world.rewriter.requests:
        text = request.messages[-1].content
        shown.append({given for given in inputs if f"Input: {given}\nOutput: {inputs[given].target}" in text})
        assert base().prompt not in text
    assert [len(rows) for rows in shown] == [5] * 6
    assert len({frozenset(rows) for rows in shown}) > 1


async def test_later_rounds_keep_the_better_half_and_vary_it():
    world = World()
    world.rewriter.write = lambda request, rng: f"<prompt>Sort the words. Variant {rng.random()}.</prompt>"
    found = await run(world, "ape", spec("loss", iterations=2), population=6)
    first = [event.candidate for event in of(events.CandidateProposed, found) if event.iteration == 1]
    second = [event.candidate for event in of(events.CandidateProposed, found) if event.iteration == 2]
    assert (len(first), len(second)) == (6, 3)
    losses = {event.candidate_id: sum(event.losses) for event in of(events.CandidateScored, found)}
    best = sorted(first, key=lambda candidate: losses[candidate.id])[:3]
    assert [candidate.parent_id for candidate in second] == [candidate.id for candidate in best]
    for request, parent in zip(world.rewriter.requests[6:], best, strict=True):
        assert parent.prompt in request.messages[-1].content


async def test_with_the_shared_operator_it_rewrites_the_seed_and_then_its_pool():
    world = World()
    await run(world, "ape", spec(operator="shared", iterations=2), population=6)
    first = world.rewriter.requests[:6]
    assert all(request.messages[-1].content.startswith(f"SHARED {base().prompt}") for request in first)
    later = world.rewriter.requests[6:]
    assert later
    assert not any(base().prompt in request.messages[-1].content for request in later)


async def test_bandits_score_fewer_cells_and_complete_the_leader():
    cells = {}
    for name, evaluation in (("full", None), ("ucb", Ucb())):
        world = World()
        world.rewriter.write = lambda request, rng: f"<prompt>Sort the words. Variant {rng.random()}.</prompt>"
        found = await run(world, Ape(12, evaluation), spec("loss", iterations=1))
        cells[name] = sum(len(event.indices) for event in of(events.CandidateScored, found))
    assert cells["full"] == 12 * 20
    assert 12 * 20 / 3 - 5 <= cells["ucb"] <= 12 * 20 / 3 + 20


def test_a_pool_of_one_is_refused():
    with pytest.raises(InvalidInputError, match="at least 2"):
        Ape(1)
