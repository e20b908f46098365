"""Estimates of compressions: within a quarter of what a run uses, and in order."""

import pytest

from pmpo.errors import InvalidInputError
from pmpo.optim.bounds import TokenCounts
from pmpo.optim.compress import compress
from pmpo.optim.compression_estimate import estimate_compression
from pmpo.optim.deletion import DeletionRule
from pmpo.optim.journal import SearchPorts
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Example, Prices, Splits
from pmpo.testing.ports import ExactGrader, FakeClock, FakeScorer, MemoryJournal, ScriptedGenerator

NEEDED = ["Sort the words.", "Use commas."]
FILLER = ["The sky is blue.", "Take your time.", "Be kind."]
PRICES = Prices(scored=0.1, answering=1.0)


def examples(count, start):
    return tuple(Example(row, f"w{row} x{row} y{row}", (f"x{row} w{row}",)) for row in range(start, start + count))


SPLITS = Splits(examples(20, 0), examples(10, 100), examples(12, 200))


def spec(prompt, **changes):
    meta = MetaPrompt("Improve.", "{{prompt}}")
    return SearchSpec(**{"prompt": prompt, "rewrite_meta": meta, "max_answer_tokens": 8, "prices": PRICES, **changes})


async def counts_of(scorer, prompt, splits=SPLITS):
    sets = (splits.train, splits.validation, splits.test)
    counts = [(await scorer.num_scored_tokens([prompt], rows))[0] if rows else [] for rows in sets]
    return TokenCounts(*counts, prompt=len(prompt.split()))


async def used_and_estimated(sentences, with_accuracy):
    prompt = " ".join(sentences)
    scorer = FakeScorer(dict.fromkeys(NEEDED, 0.6), noise=0.005)
    target = ScriptedGenerator(lambda request, rng: "wrong answer")
    ports = SearchPorts(scorer, target, target, FakeClock(), MemoryJournal(), ExactGrader())
    job = spec(prompt, with_accuracy=with_accuracy)
    spent = [event async for event in compress(job, DeletionRule(), SPLITS, ports)][-1].result.spent
    return spent, estimate_compression(await counts_of(scorer, prompt), job, DeletionRule(), answer_tokens=1.0)


@pytest.mark.parametrize("sentences", [NEEDED + FILLER, NEEDED[:1] + FILLER], ids=["half is filler", "most is filler"])
@pytest.mark.parametrize("with_accuracy", [True, False])
async def test_a_compression_uses_what_was_estimated_within_a_quarter(sentences, with_accuracy):
    spent, found = await used_and_estimated(sentences, with_accuracy)
    assert found.expected.scored_tokens == pytest.approx(spent.scored_tokens, rel=0.25)
    assert found.expected.generated_tokens == pytest.approx(spent.generated_tokens, rel=0.25)


@pytest.mark.parametrize("sentences", [NEEDED + FILLER, NEEDED + FILLER[:1], NEEDED, NEEDED[:1] + FILLER])
async def test_low_and_high_hold_what_is_used(sentences):
    spent, found = await used_and_estimated(sentences, with_accuracy=True)
    assert found.low.scored_tokens <= spent.scored_tokens * 1.01  # a unit's tokens are taken from its characters
    assert spent.scored_tokens <= found.high.scored_tokens
    assert found.expected.covers(found.low)
    assert found.high.covers(found.expected)


async def test_without_enough_test_rows_nothing_is_tested():
    prompt = " ".join(NEEDED + FILLER)
    few = Splits(SPLITS.train, SPLITS.validation, SPLITS.test[:4])
    counts = [
        await counts_of(FakeScorer({}), prompt, splits) for splits in (few, Splits(few.train, few.validation, ()))
    ]
    first, second = (estimate_compression(each, spec(prompt), DeletionRule(), 1.0) for each in counts)
    assert first == second
    assert first.expected.generated_tokens == 0


async def test_a_prompt_of_one_sentence_has_no_estimate():
    counts = await counts_of(FakeScorer({}), NEEDED[0])
    with pytest.raises(InvalidInputError, match="nothing to compress"):
        estimate_compression(counts, spec(NEEDED[0]), DeletionRule(), 1.0)
