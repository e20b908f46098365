"""Every rival on a synthetic task: what must hold whichever it is."""

import dataclasses
from itertools import pairwise

import pytest

from pmpo.errors import BudgetTooSmallError, InvalidInputError, JournalMismatchError
from pmpo.optim import events
from pmpo.optim.spec import BudgetCaps
from pmpo.testing.ports import KilledError
from tests.unit.baselines.world import ITERATIVE, SPLITS, STATIC, World, base, fates, of, run, spec, stable

ALL = ITERATIVE + STATIC
SIZE = 6


@pytest.mark.parametrize("operator", ["own", "shared"])
@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("name", ITERATIVE)
async def test_each_improves_the_task_on_rows_that_nothing_has_looked_at(name, scoring, operator):
    result = (await run(World(), name, spec(scoring, operator, iterations=8), population=8))[-1].result
    assert result.verdict == "confirmed"
    assert result.test.loss_after < result.test.loss_before
    assert result.test.accuracy_after > result.test.accuracy_before
    assert "Sort the words." in result.best.prompt


@pytest.mark.parametrize("name", ALL)
async def test_events_are_those_of_the_search_in_its_order(name):
    found = await run(World(), name, spec(), population=SIZE)
    assert [event.number for event in found] == list(range(1, len(found) + 1))
    assert isinstance(found[0], events.SearchStarted)
    assert isinstance(found[-1], events.SearchFinished)
    started, finished = of(events.IterationStarted, found), of(events.IterationFinished, found)
    assert [event.iteration for event in started] == [event.iteration for event in finished]
    assert found[-1].result.num_iterations == len(started) <= found[0].max_iterations


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("name", ITERATIVE)
async def test_the_same_seed_gives_the_same_events_and_another_seed_others(name, scoring):
    once, again, other = [
        stable(await run(World(), name, spec(scoring, seed=seed), population=SIZE)) for seed in (7, 7, 8)
    ]
    assert once == again
    assert once != other


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("name", ALL)
async def test_a_run_killed_before_any_journal_entry_and_resumed_ends_the_same(name, scoring):
    short = spec(scoring, iterations=2)
    whole = World()
    expected = stable(await run(whole, name, short, population=4))
    for cut in range(1, len(whole.journal.entries) + 1):
        dying = World(die_at=cut)
        with pytest.raises(KilledError):
            await run(dying, name, short, population=4)
        resumed = World(replay=dying.journal.entries)
        assert stable(await run(resumed, name, short, population=4)) == expected
        assert [entry.digest for entry in resumed.journal.entries] == [entry.digest for entry in whole.journal.entries]


async def test_a_resume_pays_for_nothing_and_refuses_another_jobs_journal():
    whole = World()
    await run(whole, "opro", spec(), population=4)
    replayed = World(replay=whole.journal.entries)
    await run(replayed, "opro", spec(), population=4)
    assert (replayed.scorer.num_calls, replayed.rewriter.requests, replayed.target.requests) == (0, [], [])
    with pytest.raises(JournalMismatchError, match="submit it as a new job"):
        await run(World(replay=whole.journal.entries), "opro", spec(prompt="Something else."), population=4)


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("name", ALL)
async def test_the_ledger_equals_what_the_ports_counted(name, scoring):
    world = World()
    spent = (await run(world, name, spec(scoring), population=SIZE))[-1].result.spent
    assert spent.scored_tokens == world.scorer.num_scored
    assert spent.generated_tokens == world.rewriter.num_generated + world.target.num_generated


def fresh_variants(world):
    """A rewriter that never runs dry: every text is new."""
    world.rewriter.write = lambda request, rng: f"<prompt>Sort the words. Variant {rng.random()}.</prompt>"
    return world


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("name", ITERATIVE)
async def test_caps_are_kept_at_every_size_and_the_final_test_is_always_there(name, scoring):
    settings = {"iterations": 500, "patience": 500, "max_prompt_tokens": 20, "max_answer_tokens": 8}
    least = await smallest(name, spec(scoring, **settings))
    for extra in (0, 500, 1_500, 4_000):
        caps = BudgetCaps(scored_tokens=least.scored_tokens + extra, generated_tokens=least.generated_tokens + extra)
        world = fresh_variants(World())
        found = await run(world, name, spec(scoring, **settings, caps=caps), population=4)
        assert world.scorer.num_scored <= caps.scored_tokens
        assert world.rewriter.num_generated + world.target.num_generated <= caps.generated_tokens
        result = found[-1].result
        assert result.stop_reason == "budget"
        assert result.num_iterations > 1
        assert result.test.accuracy_after is not None
        proposed, dropped, accepted = fates(found)
        assert proposed.keys() == dropped.keys() | accepted


@pytest.mark.parametrize(("scoring", "cap"), [("loss", "scored_tokens"), ("accuracy", "generated_tokens")])
async def test_candidates_that_the_budget_cut_off_are_said_to_be(scoring, cap):
    settings = {"iterations": 500, "patience": 500, "max_prompt_tokens": 20, "max_answer_tokens": 8}
    least = getattr(await smallest("opro", spec(scoring, **settings)), cap)
    cut_off = 0
    for extra in range(0, 2_000, 200):
        caps = BudgetCaps(**{cap: least + extra})
        found = await run(fresh_variants(World()), "opro", spec(scoring, **settings, caps=caps), population=4)
        _, dropped, _ = fates(found)
        last = {item.candidate.id for item in of(events.CandidateProposed, found) if item.iteration > 1}
        cut_off += any(dropped.get(candidate) == "budget" for candidate in last)
        complete = {event.iteration for event in of(events.IterationFinished, found)}
        decided = [item for item in of(events.CandidateProposed, found) if item.iteration in complete]
        assert all(dropped.get(item.candidate.id) != "budget" for item in decided)
    assert cut_off


async def smallest(name, rival_spec):
    """The budget that a refusal names."""
    caps = BudgetCaps(scored_tokens=1, generated_tokens=1)
    tiny = dataclasses.replace(rival_spec, base=dataclasses.replace(rival_spec.base, caps=caps))
    world = World()
    with pytest.raises(BudgetTooSmallError) as refusal:
        await run(world, name, tiny, population=4)
    assert (world.scorer.num_scored, world.rewriter.requests, world.target.requests) == (0, [], [])
    numbers = [int(part.split(")")[0]) for part in str(refusal.value).split("at least ")[1:]]
    return BudgetCaps(scored_tokens=numbers[0], generated_tokens=numbers[1])


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("name", ALL)
async def test_the_smallest_budget_that_a_refusal_names_covers_one_round(name, scoring):
    settings = {"iterations": 1, "max_prompt_tokens": 40}
    caps = await smallest(name, spec(scoring, **settings))
    world = World()
    result = (await run(world, name, spec(scoring, **settings, caps=caps), population=4))[-1].result
    assert result.stop_reason == "iterations"


@pytest.mark.parametrize("name", ITERATIVE)
async def test_every_candidate_can_be_followed_to_its_end(name):
    found = await run(World(), name, spec(iterations=6), population=SIZE)
    proposed, dropped, accepted = fates(found)
    assert proposed
    assert proposed.keys() == dropped.keys() | accepted
    assert not dropped.keys() & accepted
    assert {event.candidate_id for event in of(events.CandidateScored, found)} == proposed.keys()
    assert len(of(events.CandidateDropped, found)) == len(dropped)


@pytest.mark.parametrize("operator", ["own", "shared"])
@pytest.mark.parametrize("name", ITERATIVE)
async def test_a_placeholder_and_a_protected_text_are_never_lost(name, operator):
    world = World()
    plain = world.rewriter.write
    tails = ["", " {{input}}", " {{input}} Be kind.", " {{other}}", " {{input}} Be kind. {{input}}"]

    def write(request, rng):
        return plain(request, rng).replace("</prompt>", f"{rng.choice(tails)}</prompt>")

    world.rewriter.write = write
    settings = spec("loss", operator, prompt="Do it: {{input}} Be kind.", protected=("Be kind.",), iterations=6)
    found = await run(world, name, settings, population=SIZE)
    proposed, _, accepted = fates(found)
    assert accepted
    for candidate in proposed.values():
        assert candidate.prompt.count("{{input}}") == 1
        assert candidate.prompt.count("Be kind.") == 1
        assert "{{other}}" not in candidate.prompt
    assert {event.reason for event in of(events.RewriteRejected, found)} >= {"placeholders"}
    assert all("{{input}}" in request.messages[-1].content for request in world.rewriter.requests)


@pytest.mark.parametrize("name", ITERATIVE)
async def test_the_incumbent_gets_better_by_what_it_is_scored_by_and_never_worse_in_validation(name):
    world = World()
    found = await run(world, name, spec("loss", iterations=8), population=SIZE)
    finished = of(events.IterationFinished, found)
    for earlier, later in pairwise(finished):
        assert later.train_loss <= earlier.train_loss
        assert later.validation_loss <= earlier.validation_loss
    accuracies = [event.validation_accuracy for event in of(events.IncumbentAccepted, await graded(name))]
    assert accuracies == sorted(accuracies)


async def graded(name):
    return await run(World(), name, spec("accuracy", iterations=8), population=SIZE)


@pytest.mark.parametrize("name", ITERATIVE)
async def test_where_nothing_helps_the_seed_is_kept_and_nothing_is_confirmed(name):
    world = World()
    world.scorer.penalties = {"Do it.": 1.0}
    world.rewriter.write = lambda request, rng: f"<prompt>Be kind {rng.random()}.</prompt>"
    result = (await run(world, name, spec("loss"), population=SIZE))[-1].result
    assert result.best.prompt == base().prompt
    assert (result.verdict, result.stop_reason, result.num_accepted) == ("unconfirmed", "patience", 0)


@pytest.mark.parametrize("name", ITERATIVE)
async def test_a_rewriter_that_writes_nothing_usable_stops_with_what_it_said(name):
    world = World()
    world.rewriter.write = lambda request, rng: "I cannot do that"
    result = (await run(world, name, spec(patience=2), population=SIZE))[-1].result
    assert (result.stop_reason, result.num_iterations) == ("no_rewrites", 2)
    assert "I cannot do that" in result.detail


@pytest.mark.parametrize("name", ITERATIVE)
async def test_perfect_target_and_seconds_stop_as_they_stop_the_search(name):
    def right(request, rng):
        words = request.messages[-1].content.split()
        return f"{words[-1]} {words[-2]}"

    cases = {
        "perfect": (World(answers=right), spec()),
        "target": (World(), spec(target_loss=9.0)),
        "budget": (World(), spec(iterations=50, patience=50, caps=BudgetCaps(seconds=4))),
    }
    for reason, (world, settings) in cases.items():
        result = (await run(world, name, settings, population=SIZE))[-1].result
        assert result.stop_reason == reason
        assert result.test is not None


async def test_few_test_rows_are_untested():
    splits = dataclasses.replace(SPLITS, test=SPLITS.test[:4])
    result = (await run(World(), "opro", spec(), splits, population=SIZE))[-1].result
    assert (result.verdict, result.test) == ("untested", None)
    assert "at least 5" in result.detail


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
async def test_an_anchor_never_gets_worse(scoring):
    world = World()
    found = await run(world, "evoprompt_ga", spec(scoring, anchors=(3,), iterations=6), population=SIZE)
    rows = {
        event.candidate_id: dict(zip(event.indices, event.losses, strict=True))
        for event in of(events.CandidateScored, found)
    }
    cells = [rows[event.candidate.id][3] for event in of(events.IncumbentAccepted, found)]
    assert cells
    assert all(later <= earlier + base().min_delta for earlier, later in pairwise(cells))


async def test_a_candidate_beyond_the_context_is_dropped_alone():
    world = World()
    world.scorer.context_tokens = 14
    found = await run(world, "evoprompt_de", spec("loss", iterations=4), population=SIZE)
    _, dropped, accepted = fates(found)
    scored = {event.candidate_id for event in of(events.CandidateScored, found)}
    too_long = {candidate for candidate, reason in dropped.items() if reason == "too_long"}
    assert too_long
    assert scored
    assert not too_long & (scored | accepted)


async def test_accuracy_without_a_metric_is_refused_before_anything_is_asked():
    for world, settings in ((World(grader=False), spec()), (World(), spec(with_accuracy=False))):
        with pytest.raises(InvalidInputError, match="needs a metric"):
            await run(world, "opro", settings)
        assert world.journal.entries == []
    result = (await run(World(grader=False), "opro", spec("loss"), population=SIZE))[-1].result
    assert result.test.accuracy_after is None


async def test_requests_carry_distinct_seeds():
    world = World()
    await run(world, "ape", spec(), population=SIZE)
    seeds = [request.seed for request in world.rewriter.requests]
    assert len(set(seeds)) == len(seeds) > SIZE
