"""What must hold whatever is switched on: the ledger, the caps, repeats, resumes, and the honesty of the verdict."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmpo.errors import BudgetTooSmallError, InvalidInputError
from pmpo.optim import events
from pmpo.optim.journal import JournalEntry
from pmpo.optim.spec import BudgetCaps
from pmpo.optim.tariff import PICO
from pmpo.optim.types import Prices
from pmpo.runs.codec import decode_entry, encode_entry
from pmpo.testing.ports import KilledError
from tests.unit.optim.world import (
    MASK_META,
    PHRASES,
    SPLITS,
    World,
    examples,
    mark_sentences,
    marking,
    phrase_rewriter,
    run,
    spec,
    stable,
)

PRICES = Prices(scored=0.1, rewriting=2.0, rewriting_prompt=0.5, answering=1.5, answering_prompt=0.25)
EVERYTHING = {
    "prompt": "Do it. Take your time.",
    "more_prompts": ("Use commas. Do it.", "The sky is blue."),
    "units": "model",
    "mask_meta": MASK_META,
    "mask_mode": "placeholder",
    "restarts": 2,
    "patience": 1,
    "hard_examples_policy": "thompson",
    "prices": PRICES,
    "max_prompt_tokens": 20,
    "max_answer_tokens": 8,
}
SMALL = {"hard_examples": 2, "variants": 2}


def world(**more):
    made = World(**more)
    made.rewriter.write = marking(phrase_rewriter(PHRASES), mark_sentences)
    return made


def everything(**changes):
    return spec(**{**EVERYTHING, **changes})


def paid(world):
    """Money for what the fakes counted, in units of 1e-12."""
    per_token = [
        (world.scorer.num_scored, PRICES.scored),
        (world.rewriter.num_generated, PRICES.rewriting),
        (world.rewriter.num_read, PRICES.rewriting_prompt),
        (world.target.num_generated, PRICES.answering),
        (world.target.num_read, PRICES.answering_prompt),
    ]
    return sum(tokens * round(price * 10**6) for tokens, price in per_token)


async def test_the_ledger_equals_what_the_ports_counted_in_tokens_and_money():
    busy = world()
    found = await run(busy, everything(iterations=12))
    assert any(isinstance(event, events.SearchRestarted) for event in found)
    spent = found[-1].result.spent
    assert spent.scored_tokens == busy.scorer.num_scored
    assert spent.generated_tokens == busy.rewriter.num_generated + busy.target.num_generated
    assert spent.money == paid(busy) / PICO


async def test_without_prices_money_is_not_spoken_of():
    assert (await run(world(), everything(iterations=2, prices=None)))[-1].result.spent.money is None


async def test_a_cap_on_money_without_prices_is_refused():
    with pytest.raises(InvalidInputError, match=r"budget\.money is 2 and the job's models have no prices"):
        everything(prices=None, caps=BudgetCaps(money=2.0))


@settings(max_examples=25)
@given(
    shares=st.tuples(st.floats(0.2, 3.0), st.floats(0.2, 3.0), st.floats(0.2, 3.0)),
    is_capped=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    seed=st.integers(0, 50),
)
async def test_no_cap_is_exceeded_and_the_final_test_is_always_there(shares, is_capped, seed):
    """Caps from far too small to more than enough, in any combination."""
    sizes = (14_000, 6_000, 0.012)
    scored, generated, money = (
        size * share if capped else None for size, share, capped in zip(sizes, shares, is_capped, strict=True)
    )
    caps = BudgetCaps(scored and int(scored), generated and int(generated), None, money)
    busy = world()
    try:
        found = await run(busy, everything(iterations=6, patience=3, seed=seed, caps=caps, **SMALL))
    except BudgetTooSmallError:
        assert paid(busy) == 0
        return
    assert caps.scored_tokens is None or busy.scorer.num_scored <= caps.scored_tokens
    num_generated = busy.rewriter.num_generated + busy.target.num_generated
    assert caps.generated_tokens is None or num_generated <= caps.generated_tokens
    assert caps.money is None or paid(busy) / PICO <= caps.money
    assert found[-1].result.test is not None


async def test_the_smallest_money_that_a_refusal_names_is_enough_for_a_round():
    with pytest.raises(BudgetTooSmallError, match=r"money 1e-06 \(at least (\S+)\)") as refusal:
        await run(world(), everything(caps=BudgetCaps(money=1e-6)))
    enough = float(str(refusal.value).split("at least ")[1].split(")")[0])
    found = await run(world(), everything(iterations=1, caps=BudgetCaps(money=enough)))
    assert found[-1].result.stop_reason == "iterations"
    assert found[-1].result.spent.money <= enough


async def test_a_cap_on_money_ends_the_search_as_budget():
    busy = world()
    write = marking(lambda request, rng: f"<prompt>Sort the words. Variant {rng.random()}.</prompt>", mark_sentences)
    busy.rewriter.write = write
    found = await run(busy, everything(iterations=500, patience=500, caps=BudgetCaps(money=0.05)))
    assert found[-1].result.stop_reason == "budget"
    assert 0.01 < found[-1].result.spent.money <= 0.05


async def test_the_same_seed_gives_the_same_events_with_everything_on():
    once, again, other = [await run(world(), everything(iterations=6, seed=seed)) for seed in (3, 3, 4)]
    assert stable(once) == stable(again)
    assert stable(once) != stable(other)


async def test_killed_before_any_journal_entry_and_resumed_it_ends_the_same_with_everything_on():
    job = everything(iterations=5, **SMALL)
    whole = world()
    found = await run(whole, job)
    assert {type(event) for event in found} >= {events.SearchRestarted, events.IncumbentAccepted}
    expected = stable(found)
    for cut in range(1, len(whole.journal.entries) + 1):
        dying = world(die_at=cut)
        with pytest.raises(KilledError):
            await run(dying, job)
        resumed = world(replay=through_bytes(dying.journal.entries))
        assert stable(await run(resumed, job)) == expected
        assert [entry.digest for entry in resumed.journal.entries] == [entry.digest for entry in whole.journal.entries]
        assert paid(dying) + paid(resumed) >= paid(whole)


def through_bytes(entries: list[JournalEntry]) -> list[JournalEntry]:
    """The entries as a store gives them back."""
    return [decode_entry(encode_entry(entry)) for entry in entries]


async def test_where_no_rewrite_is_better_confirmed_is_said_in_at_most_one_job_in_twenty():
    """Losses are noise alone, so that whatever wins on training and validation rows wins there by luck.

    Over 1,920 jobs the share was 4.5 %; the limit here is what a true 5 % exceeds once in a thousand such tests.
    """
    num_jobs = 240
    limit = 0.05 * num_jobs + 3.1 * (0.05 * 0.95 * num_jobs) ** 0.5
    splits = dataclasses.replace(SPLITS, train=examples(12), validation=examples(6, 100), test=examples(10, 200))
    verdicts, num_changed = [], 0
    for seed in range(num_jobs):
        noise = World(penalties={})
        noise.rewriter.write = lambda request, rng: f"<prompt>Variant {rng.random()}.</prompt>"
        result = (await run(noise, spec(iterations=2, seed=seed, prompt=f"Prompt {seed}."), splits))[-1].result
        num_changed += result.best != result.seed
        verdicts.append(result.verdict)
    assert num_changed > num_jobs / 2
    assert verdicts.count("confirmed") <= limit
