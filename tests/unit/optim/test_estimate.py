"""Estimates: within a quarter of what a run to its full number of iterations then uses."""

import random

import pytest

from pmpo.optim.bounds import TokenCounts
from pmpo.optim.estimate import estimate, money
from pmpo.optim.race import Race
from pmpo.optim.selection import Full, SequentialHalving, policy_of
from pmpo.optim.types import Example, Prices, Splits
from tests.unit.optim.world import MASK_META, World, mark_sentences, marking, run, spec

VOCABULARY = [f"word{number}" for number in range(300)]
USEFUL = [
    "Sort the words by length.",
    "Put commas between the words.",
    "Reply in capital letters only.",
    "Be exact about every number.",
    "Keep all names as given.",
]
PRICES = Prices(scored=0.1, rewriting=2.0, rewriting_prompt=0.5, answering=1.0, answering_prompt=0.25)


def sentence(rng):
    return f"{' '.join(rng.sample(VOCABULARY, 5))}."


def exchange_sentences(request, rng):
    """One or two sentences of the prompt become others of the same length, some of them useful."""
    prompt = request.messages[1].content.split("\n")[0]
    parts = [f"{part.strip('.')}." for part in prompt.split(". ")]
    for _ in range(rng.choice([1, 2])):
        parts[rng.randrange(len(parts))] = rng.choice(USEFUL) if rng.random() < 0.3 else sentence(rng)
    return f"< prompt > {' '.join(parts)} < / prompt >"  # as many words as real tags have tokens


def rows(count, start, num_words):
    return tuple(
        Example(row, " ".join(f"x{row}y{word}" for word in range(num_words)), (f"a{row} b{row}",))
        for row in range(start, start + count)
    )


async def counts_of(world, prompt, splits):
    sets = (splits.train, splits.validation, splits.test)
    counts = [(await world.scorer.num_scored_tokens([prompt], examples))[0] for examples in sets]
    return TokenCounts(*counts, prompt=len(prompt.split()))


async def used_and_estimated(sizes, num_words, num_sentences, **changes):
    rng = random.Random(5)
    prompt = " ".join(sentence(rng) for _ in range(num_sentences))
    world = World(penalties=dict.fromkeys(USEFUL, 0.4))
    world.rewriter.write = marking(exchange_sentences, mark_sentences)
    train, validation, test = sizes
    splits = Splits(rows(train, 0, num_words), rows(validation, 1000, num_words), rows(test, 2000, num_words))
    iterations = changes.pop("iterations", 20)
    job = spec(prompt=prompt, iterations=iterations, patience=iterations, prices=PRICES, **changes)
    result = (await run(world, job, splits))[-1].result
    assert result.num_iterations == iterations
    counts = await counts_of(world, prompt, splits)
    return result.spent, estimate(counts, job, policy_of(job.selection), answer_tokens=1.0)


@pytest.mark.parametrize(
    ("sizes", "num_words", "num_sentences", "changes"),
    [
        ((50, 20, 30), 10, 6, {}),
        ((50, 20, 30), 60, 6, {}),
        ((20, 8, 12), 30, 4, {"iterations": 10}),
        ((50, 60, 100), 20, 10, {}),
        ((30, 12, 18), 20, 6, {"with_accuracy": False}),
        ((50, 20, 30), 20, 6, {"units": "model", "mask_meta": MASK_META}),
        ((50, 20, 30), 20, 5, {"hard_examples": 2, "variants": 3}),
    ],
)
async def test_a_run_to_the_end_uses_what_was_estimated_within_a_quarter(sizes, num_words, num_sentences, changes):
    spent, expected = await used_and_estimated(sizes, num_words, num_sentences, **changes)
    assert expected.expected.scored_tokens == pytest.approx(spent.scored_tokens, rel=0.25)
    assert expected.expected.generated_tokens == pytest.approx(spent.generated_tokens, rel=0.25)
    assert money(expected.expected) == pytest.approx(spent.money, rel=0.25)
    assert expected.low.scored_tokens < spent.scored_tokens < expected.high.scored_tokens
    assert expected.low.generated_tokens < spent.generated_tokens < expected.high.generated_tokens
    assert money(expected.low) < spent.money < money(expected.high)


COUNTS = TokenCounts([40] * 20, [40] * 8, [40] * 12, prompt=20)


def estimated(counts=COUNTS, **changes):
    return estimate(counts, spec(prompt="word " * 20, **changes), SequentialHalving(), 4.0)


def test_low_expected_and_high_are_in_order():
    found = estimated(prices=PRICES)
    assert found.expected.covers(found.low)
    assert found.high.covers(found.expected)


def test_more_work_costs_more():
    plain = estimated().expected
    assert estimated(iterations=10).expected.scored_tokens > plain.scored_tokens
    assert estimated(variants=8).expected.generated_tokens > plain.generated_tokens
    seeds = estimated(TokenCounts(COUNTS.train, COUNTS.validation, COUNTS.test, 20, (COUNTS,)))
    assert seeds.expected.scored_tokens == plain.scored_tokens + 28 * 40


def test_what_is_not_done_costs_nothing():
    assert estimated(with_accuracy=False).expected.generated_tokens < estimated().expected.generated_tokens
    untested = estimated(TokenCounts(COUNTS.train, COUNTS.validation, [40] * 4, 20))
    none = estimated(TokenCounts(COUNTS.train, COUNTS.validation, [], 20))
    assert untested == none
    assert estimated().expected.money_pico == 0


@pytest.mark.parametrize("policy", [SequentialHalving(), Race(), Full()])
@pytest.mark.parametrize("num_candidates", [0, 1, 5, 12])
def test_expected_cells_stay_under_their_bound(policy, num_candidates):
    for num_examples in (3, 8, 20, 50):
        bound = policy.max_cells(num_candidates, num_examples)
        expected = policy.expected_cells(num_candidates, num_examples)
        assert bound / 3 <= expected <= bound


def test_a_race_scores_less_than_everything():
    assert 0 < Race().expected_cells(12, 50) < Full().expected_cells(12, 50)
