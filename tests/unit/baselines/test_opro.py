"""OPRO: a trajectory of prompts with scores, ascending."""

import re

import pytest

from pmpo.baselines.opro import MAX_TRAJECTORY, Opro
from pmpo.errors import InvalidInputError
from pmpo.optim import events
from tests.unit.baselines.world import SPLITS, World, base, of, run, spec


def entries(request):
    """(prompt, score) pairs of a trajectory as they stand in the meta-prompt."""
    text = request.messages[-1].content
    return [
        (prompt, float(score))
        for prompt, score in re.findall(r"<instruction>\n(.*?)\n</instruction>\nScore: ([\d.]+)", text)
    ]


def endless(request, rng):
    return f"<prompt>{rng.choice(['Sort the words.', 'Use commas.', 'Be kind.'])} Variant {rng.random()}.</prompt>"


async def test_as_published_the_scorer_is_asked_for_the_report_alone():
    world = World()
    asked = []
    score = world.scorer.score

    class Watched:
        async def score(self, prompts, examples):
            asked.extend(prompts)
            return await score(prompts, examples)

        num_scored_tokens = world.scorer.num_scored_tokens
        count_tokens = world.scorer.count_tokens

    object.__setattr__(world.ports, "scorer", Watched())
    found = await run(world, "opro", spec(iterations=4), population=6)
    accepted = {event.candidate.prompt for event in of(events.IncumbentAccepted, found)}
    proposed = {event.candidate.prompt for event in of(events.CandidateProposed, found)}
    assert set(asked) == {base().prompt} | accepted
    assert len(proposed) > len(accepted)
    answered = {request.messages[0].content for request in world.target.requests}
    assert answered >= proposed


async def test_scores_are_training_accuracies_in_percent_ascending_and_the_seed_is_among_them():
    world = World()
    found = await run(world, "opro", spec(iterations=4), population=6)
    errors = {event.candidate_id: event.losses for event in of(events.CandidateScored, found)}
    prompts = {event.candidate.prompt: event.candidate.id for event in of(events.CandidateProposed, found)}
    assert [prompt for prompt, _ in entries(world.rewriter.requests[0])] == [base().prompt]
    last = entries(world.rewriter.requests[-1])
    assert [score for _, score in last] == sorted(score for _, score in last)
    assert len(last) > 3
    for prompt, score in last:
        if prompt != base().prompt:
            losses = errors[prompts[prompt]]
            assert score == round(100 * (1 - sum(losses) / len(losses)))


async def test_by_loss_scores_are_likelihoods_and_no_training_answer_is_generated():
    world = World()
    await run(world, "opro", spec("loss", iterations=3), population=6)
    inputs = {example.input for example in SPLITS.train}
    assert not any(request.messages[-1].content in inputs for request in world.target.requests)
    assert all(0 < score < 100 for _, score in entries(world.rewriter.requests[-1]))


async def test_one_request_a_step_eight_samples_three_exemplars_drawn_anew():
    world = World()
    world.rewriter.write = endless
    await run(world, "opro", spec(iterations=4, patience=9))
    assert [request.num_samples for request in world.rewriter.requests] == [8] * 4
    texts = [request.messages[-1].content for request in world.rewriter.requests]
    shown = [frozenset(item.input for item in SPLITS.train if f"Input: {item.input}\n" in text) for text in texts]
    assert {len(rows) for rows in shown} == {3}
    assert len(set(shown)) > 1


async def test_the_trajectory_holds_the_best_twenty():
    world = World()
    world.rewriter.write = endless
    found = await run(world, "opro", spec("loss", iterations=5, patience=9))
    last = entries(world.rewriter.requests[-1])
    losses = {event.candidate_id: sum(event.losses) for event in of(events.CandidateScored, found)}
    earlier = [event.candidate for event in of(events.CandidateProposed, found) if event.iteration < 5]
    assert len(earlier) > MAX_TRAJECTORY
    best = sorted(earlier, key=lambda candidate: losses[candidate.id])[:MAX_TRAJECTORY]
    assert {prompt for prompt, _ in last} == {candidate.prompt for candidate in best}


async def test_with_the_shared_operator_the_best_prompt_is_rewritten_with_three_examples():
    world = World()
    world.rewriter.write = endless
    found = await run(world, "opro", spec("loss", "shared", iterations=2))
    assert [request.num_samples for request in world.rewriter.requests] == [3, 3, 2] * 2
    (first, *_) = of(events.CandidateProposed, found)
    assert first.candidate.example_index in {example.index for example in SPLITS.train}
    losses = {event.candidate_id: sum(event.losses) for event in of(events.CandidateScored, found)}
    pool = [event.candidate for event in of(events.CandidateProposed, found) if event.iteration == 1]
    best = min(pool, key=lambda candidate: losses[candidate.id])
    assert all(f"SHARED {best.prompt}\n" in item.messages[-1].content for item in world.rewriter.requests[3:])


def test_a_step_without_prompts_is_refused():
    with pytest.raises(InvalidInputError, match="at least 1"):
        Opro(0)
