"""The whole search on a synthetic task: what must hold whatever the model."""

import dataclasses
from itertools import pairwise

import pytest

from pmpo.errors import BudgetTooSmallError, JournalMismatchError
from pmpo.optim import events
from pmpo.optim.spec import BudgetCaps
from pmpo.testing.ports import KilledError
from tests.unit.optim.world import PENALTIES, PHRASES, SPLITS, World, run, spec, stable


async def test_finds_the_phrases_that_matter_and_says_confirmed():
    result = (await run(World(), spec()))[-1].result
    assert all(phrase in result.best.prompt for phrase in PENALTIES)
    assert result.verdict == "confirmed"
    assert result.test.loss_after < result.test.loss_before
    assert result.test.interval[0] < result.test.difference < result.test.interval[1] < 0


async def test_events_are_numbered_without_gaps_and_end_with_the_result():
    found = await run(World(), spec())
    assert [event.number for event in found] == list(range(1, len(found) + 1))
    assert isinstance(found[0], events.SearchStarted)
    assert isinstance(found[-1], events.SearchFinished)


async def test_the_incumbents_training_loss_never_rises_and_validation_neither():
    found = await run(World(), spec(iterations=8))
    finished = [event for event in found if isinstance(event, events.IterationFinished)]
    for earlier, later in pairwise(finished):
        assert later.train_loss <= earlier.train_loss
        assert later.validation_loss <= earlier.validation_loss


@pytest.mark.parametrize("policy", ["top_loss", "thompson"])
async def test_the_same_seed_gives_the_same_events_and_another_seed_others(policy):
    runs = [await run(World(), spec(seed=seed, hard_examples_policy=policy)) for seed in (7, 7, 8)]
    once, again, other = runs
    assert stable(once) == stable(again)
    assert stable(once) != stable(other)


async def test_the_ledger_equals_what_the_ports_counted():
    world = World()
    spent = (await run(world, spec()))[-1].result.spent
    assert spent.scored_tokens == world.scorer.num_scored
    assert spent.generated_tokens == world.rewriter.num_generated + world.target.num_generated


def fates(found):
    """Ids of candidates: proposed, dropped with reasons, accepted, scored."""
    proposed = {event.candidate.id for event in found if isinstance(event, events.CandidateProposed)}
    dropped = {event.candidate_id: event.reason for event in found if isinstance(event, events.CandidateDropped)}
    accepted = {event.candidate.id for event in found if isinstance(event, events.IncumbentAccepted)}
    scored = {event.candidate_id for event in found if isinstance(event, events.CandidateScored)}
    return proposed, dropped, accepted, scored


async def test_every_candidate_can_be_followed_to_its_end():
    proposed, dropped, accepted, scored = fates(await run(World(), spec()))
    assert proposed
    assert proposed == dropped.keys() | accepted
    assert not dropped.keys() & accepted
    assert scored == proposed


async def test_candidates_that_the_budget_cut_off_are_said_to_be():
    cut_off = 0
    for scored_tokens in range(9_000, 14_000, 500):
        world = World()
        world.rewriter.write = lambda request, rng: f"<prompt>Sort the words. Variant {rng.random()}.</prompt>"
        caps = BudgetCaps(scored_tokens=scored_tokens)
        proposed, dropped, accepted, _ = fates(await run(world, spec(max_prompt_tokens=20, iterations=99, caps=caps)))
        assert proposed == dropped.keys() | accepted
        cut_off += "budget" in dropped.values()
    assert cut_off


async def test_a_run_killed_before_any_journal_entry_and_resumed_ends_the_same():
    thompson = {"iterations": 2, "hard_examples_policy": "thompson"}
    whole = World()
    expected = stable(await run(whole, spec(**thompson)))
    for cut in range(1, len(whole.journal.entries) + 1):
        dying = World(die_at=cut)
        with pytest.raises(KilledError):
            await run(dying, spec(**thompson))
        resumed = World(replay=dying.journal.entries)
        assert stable(await run(resumed, spec(**thompson))) == expected
        assert [entry.digest for entry in resumed.journal.entries] == [entry.digest for entry in whole.journal.entries]


async def test_a_resume_pays_for_no_journaled_call():
    whole = World()
    await run(whole, spec(iterations=2))
    replayed = World(replay=whole.journal.entries)
    await run(replayed, spec(iterations=2))
    assert replayed.scorer.num_calls == 0
    assert replayed.rewriter.requests == []


async def test_a_changed_job_does_not_go_on_from_another_jobs_journal():
    whole = World()
    await run(whole, spec(iterations=1))
    other = World(replay=whole.journal.entries)
    with pytest.raises(JournalMismatchError, match="submit it as a new job"):
        await run(other, spec(iterations=1, prompt="Something else. Be brief."))
    assert other.scorer.num_scored == 0


@pytest.mark.parametrize("scored", [9_000, 12_000, 20_000])
async def test_caps_are_kept_and_the_final_test_is_always_there(scored):
    caps = BudgetCaps(scored_tokens=scored, generated_tokens=9_000)
    world = World()
    world.rewriter.write = lambda request, rng: f"<prompt>Sort the words. Variant {rng.random()}.</prompt>"
    result = (await run(world, spec(iterations=500, patience=500, max_prompt_tokens=20, caps=caps)))[-1].result
    assert world.scorer.num_scored <= scored
    assert world.rewriter.num_generated + world.target.num_generated <= 9_000
    assert result.stop_reason == "budget"
    assert result.test is not None


async def test_a_budget_below_one_iteration_is_refused_with_the_smallest_that_would_do():
    world = World()
    with pytest.raises(BudgetTooSmallError, match=r"scored_tokens 500 \(at least (\d+)\)") as refusal:
        await run(world, spec(caps=BudgetCaps(scored_tokens=500)))
    assert world.scorer.num_scored == 0
    enough = int(str(refusal.value).split("at least ")[1].split(")")[0])
    result = (await run(World(), spec(iterations=1, caps=BudgetCaps(scored_tokens=enough))))[-1].result
    assert result.stop_reason == "iterations"


async def test_where_no_rewrite_helps_the_seed_is_kept_and_nothing_is_confirmed():
    world = World(penalties={"Do it.": 1.0, "Take your time.": 1.0}, phrases=["The sky is blue.", "Be kind."])
    result = (await run(world, spec()))[-1].result
    assert result.best.prompt == spec().prompt
    assert result.verdict == "unconfirmed"
    assert result.stop_reason in {"patience", "no_rewrites"}


async def test_a_rewriter_that_writes_nothing_usable_stops_with_what_it_said():
    world = World()
    world.rewriter.write = lambda request, rng: "I cannot do that"
    result = (await run(world, spec(patience=2)))[-1].result
    assert result.stop_reason == "no_rewrites"
    assert "I cannot do that" in result.detail


async def test_a_perfect_validation_accuracy_stops_the_search():
    def answer(request, rng):
        word = request.messages[-1].content.split()
        return f"{word[1]} {word[0]}" if "Sort the words." in request.messages[0].content else "?"

    result = (await run(World(answers=answer), spec()))[-1].result
    assert result.stop_reason == "perfect"
    assert (result.test.accuracy_before, result.test.accuracy_after) == (0.0, 1.0)


async def test_a_few_right_answers_are_no_reason_to_stop():
    def answer(request, rng):
        word = request.messages[-1].content.split()
        return f"{word[1]} {word[0]}"

    few = dataclasses.replace(SPLITS, validation=SPLITS.validation[:4])
    assert (await run(World(answers=answer), spec(), few))[-1].result.stop_reason != "perfect"
    assert (await run(World(answers=answer), spec()))[-1].result.stop_reason == "perfect"


async def test_fewer_than_five_test_rows_are_untested_and_the_test_fields_null():
    splits = dataclasses.replace(SPLITS, test=SPLITS.test[:4])
    result = (await run(World(), spec(), splits))[-1].result
    assert result.verdict == "untested"
    assert result.test is None
    assert "at least 5" in result.detail


async def test_the_seconds_cap_ends_the_iterations_but_not_the_test():
    result = (await run(World(), spec(iterations=50, patience=50, caps=BudgetCaps(seconds=4))))[-1].result
    assert result.stop_reason == "budget"
    assert result.num_iterations < 50
    assert result.test is not None


async def test_an_anchor_never_gets_worse():
    world = World()
    found = await run(world, spec(anchors=(3,), iterations=6))
    anchor = next(example for example in SPLITS.train if example.index == 3)
    prompts = [spec().prompt] + [
        event.candidate.prompt for event in found if isinstance(event, events.IncumbentAccepted)
    ]
    losses = [world.scorer.loss(prompt, anchor) for prompt in prompts]
    assert all(later <= earlier + spec().min_delta for earlier, later in pairwise(losses))


async def test_placeholders_survive_every_accepted_rewrite():
    phrases = [*PHRASES, "{{input}}", "{{other}}"]
    result = (await run(World(phrases=phrases), spec(prompt="Do it: {{input}}", iterations=8)))[-1].result
    assert result.best.prompt.count("{{input}}") == 1
    assert "{{other}}" not in result.best.prompt


async def test_a_long_test_row_drops_rewrites_at_once_instead_of_failing_the_final_test():
    world = World()
    world.scorer.context_tokens = 40
    long_row = dataclasses.replace(SPLITS.test[0], input=" ".join(["word"] * 27))
    splits = dataclasses.replace(SPLITS, test=(long_row, *SPLITS.test[1:]))
    found = await run(world, spec(iterations=3), splits)
    _, dropped, _, _ = fates(found)
    assert "too_long" in dropped.values()
    assert found[-1].result.test is not None


async def test_requests_carry_distinct_seeds():
    world = World()
    await run(world, spec())
    seeds = [request.seed for request in world.rewriter.requests]
    assert len(set(seeds)) == len(seeds)


async def test_a_rewrite_that_no_longer_fits_into_the_context_is_dropped_alone():
    world = World()
    world.scorer.context_tokens = 14
    found = await run(world, spec(iterations=2))
    _, dropped, _, scored = fates(found)
    too_long = {candidate for candidate, reason in dropped.items() if reason == "too_long"}
    assert too_long
    assert scored
    assert not too_long & scored
