"""Static prompts: the seed prompt with one more paragraph."""

import pytest

from pmpo.baselines.catalogue import CATALOGUE
from pmpo.baselines.static import ANSWER_ONLY, STEP_BACK, decorated
from pmpo.optim import events
from pmpo.text.placeholders import placeholders
from tests.unit.baselines.world import STATIC, World, base, of, phrase_answers, run, spec


def test_the_paragraph_stands_after_a_system_prompt_and_before_a_template():
    assert decorated("Do it.", ANSWER_ONLY) == f"Do it.\n\n{ANSWER_ONLY}"
    template = "Q: {{input}} ({{ hint }})\nAnswer:"
    assert decorated(template, STEP_BACK) == f"{STEP_BACK}\n\n{template}"
    assert placeholders(decorated(template, STEP_BACK)) == placeholders(template)


@pytest.mark.parametrize("name", STATIC)
async def test_the_seed_is_kept_word_for_word_and_no_rewriter_is_asked(name):
    world = World()
    found = await run(world, name, spec())
    result = found[-1].result
    assert result.best.prompt.startswith(base().prompt)
    assert result.best.prompt != base().prompt
    assert world.rewriter.requests == []
    assert (result.stop_reason, result.num_iterations, found[0].max_iterations) == ("iterations", 1, 1)


def test_the_four_wordings_differ():
    texts = {decorated("P", CATALOGUE[name].make(None)._wording) for name in STATIC}
    assert len(texts) == 4


async def test_a_worse_static_prompt_is_reported_as_it_is_and_not_confirmed():
    world = World()
    world.scorer.penalties = {ANSWER_ONLY: -1.0}
    result = (await run(world, "static_answer_only", spec()))[-1].result
    assert ANSWER_ONLY in result.best.prompt
    assert result.test.loss_after > result.test.loss_before
    assert result.verdict == "unconfirmed"


async def test_a_static_prompt_that_helps_is_confirmed():
    world = World()
    world.scorer.penalties = {ANSWER_ONLY: 1.0}
    assert (await run(world, "static_answer_only", spec()))[-1].result.verdict == "confirmed"


async def test_it_is_tested_even_where_the_seed_prompt_is_perfect():
    def right(request, rng):
        words = request.messages[-1].content.split()
        return f"{words[-1]} {words[-2]}"

    result = (await run(World(answers=right), "static_step_back", spec()))[-1].result
    assert STEP_BACK in result.best.prompt
    assert result.test is not None


async def test_one_that_exceeds_the_limit_is_refused_and_the_reason_is_said():
    found = await run(World(), "static_step_by_step", spec(max_prompt_tokens=6))
    result = found[-1].result
    assert [event.reason for event in of(events.RewriteRejected, found)] == ["too_long"]
    assert (result.stop_reason, result.best.id) == ("no_rewrites", 0)


async def test_by_accuracy_it_is_scored_by_answers():
    world = World(answers=phrase_answers)
    found = await run(world, "static_rephrase", spec("accuracy"))
    (scored,) = of(events.CandidateScored, found)
    assert set(scored.losses) <= {0.0, 1.0}
