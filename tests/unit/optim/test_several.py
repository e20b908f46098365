"""Several target models as one: losses, tokens and identities on the fakes, and whole searches over two of them."""

import dataclasses

import pytest

from pmpo.errors import InvalidInputError
from pmpo.optim.journal import SearchPorts
from pmpo.optim.losses import Supervised
from pmpo.optim.preference import MultipleChoice
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.search import search
from pmpo.optim.several import SeveralScorers, SeveralTargets
from pmpo.optim.spec import BudgetCaps, SearchSpec
from pmpo.optim.types import Example, ModelIdentity, Scores, Splits
from pmpo.testing.ports import (
    ExactGrader,
    FakeClock,
    FakeScorer,
    KilledError,
    MemoryJournal,
    ScriptedGenerator,
    phrase_rewriter,
)

META = MetaPrompt("Improve.", "{{prompt}}")
PHRASES = ["Sort the words.", "Use commas.", "Take your time."]


def examples(count, start=0):
    return tuple(Example(row, f"w{row} x{row}", (f"x{row} w{row}",)) for row in range(start, start + count))


SPLITS = Splits(examples(16), examples(8, 100), examples(10, 200))


class Named(FakeScorer):
    """A fake of another name whose tokenizer makes ``factor`` tokens of a word."""

    name = "a"
    factor = 1

    @property
    def identity(self):
        return ModelIdentity(self.name, "0", "float64", "fake")

    async def score(self, prompts, examples):
        scores = await super().score(prompts, examples)
        return dataclasses.replace(scores, identity=self.identity)

    def _counts(self, prompts, examples):
        return [[self.factor * count for count in row] for row in super()._counts(prompts, examples)]

    async def count_tokens(self, texts):
        return [self.factor * count for count in await super().count_tokens(texts)]


class Wordy(Named):
    name = "b"
    factor = 3


def pair():
    return Named({"Sort the words.": 1.0}, noise=0.0), Wordy({"Use commas.": 1.0}, noise=0.0)


class World:
    def __init__(self, replay=(), die_at=None):
        self.both = pair()
        self.rewriter = ScriptedGenerator(phrase_rewriter(PHRASES))
        self.target = ScriptedGenerator(lambda request, rng: "wrong")
        self.journal = MemoryJournal(list(replay), die_at)
        self.ports = SearchPorts(
            SeveralScorers(self.both),
            self.rewriter,
            self.target,
            FakeClock(),
            self.journal,
            ExactGrader(),
            tuple(replay),
        )

    @property
    def num_scored(self):
        return sum(scorer.num_scored for scorer in self.both)


def spec(combine="mean", **changes):
    settings = {"prompt": "Do it.", "rewrite_meta": META, "iterations": 3, "seed": 7, "max_prompt_tokens": 60}
    return SearchSpec(
        **{**settings, "objective": SeveralTargets(Supervised(), 2, combine), "num_target_models": 2, **changes}
    )


async def run(world, job=None):
    return [event async for event in search(job or spec(), SPLITS, world.ports)]


def stable(found):
    def strip(value):
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            return {name: strip(getattr(value, name)) for name in names if name not in {"seconds", "computed_tokens"}}
        return [strip(item) for item in value] if isinstance(value, tuple) else value

    return [(type(event).__name__, strip(event)) for event in found]


@pytest.mark.parametrize("combine", ["mean", "worst"])
async def test_losses_are_combined_per_example(combine):
    rows, prompts = examples(5), ["Do it.", "Sort the words."]
    scores = await SeveralScorers(pair()).score(prompts, rows)
    found = SeveralTargets(Supervised(), 2, combine).losses(scores, rows)
    one, other = pair()
    for line, prompt in enumerate(prompts):
        for column, row in enumerate(rows):
            both = (one.loss(prompt, row), other.loss(prompt, row))
            assert found[line, column] == pytest.approx(sum(both) / 2 if combine == "mean" else max(both))


async def test_tokens_are_the_sum_and_a_texts_length_is_the_longest():
    rows, prompts = examples(3), ["Do it.", "Sort the words."]
    several = SeveralScorers(pair())
    scores = await several.score(prompts, rows)
    counts = await several.num_scored_tokens(prompts, rows)
    one, other = pair()
    assert scores.scored_tokens == sum(map(sum, counts))
    assert counts[0][0] == (await one.num_scored_tokens(prompts, rows))[0][0] * 4
    assert await several.count_tokens(["a b"]) == await other.count_tokens(["a b"]) == [6]


async def test_every_identity_is_kept():
    several = SeveralScorers(pair())
    scores = await several.score(["Do it."], examples(1))
    assert [identity.model for identity in scores.identities] == ["a", "b"]
    assert scores.identity == several.identity == ModelIdentity("a + b", "0 + 0", "float64 + float64", "fake + fake")


def test_examples_with_several_targets_are_taken_apart_in_order():
    identity = ModelIdentity("m", "0", "d", "e")
    cell = (-1.0, -5.0, -9.0, -1.0, -2.0, -1.0)  # two models, three options
    scores = Scores(((cell,),), (((1,) * 6,),), 1, 1, identity)
    example = Example(0, "x", ("a", "b", "c"))
    alone = [
        MultipleChoice().losses(Scores(((cell[start : start + 3],),), (((1,) * 3,),), 1, 1, identity), [example])[0, 0]
        for start in (0, 3)
    ]
    assert SeveralTargets(MultipleChoice(), 2, "worst").losses(scores, [example])[0, 0] == max(alone)


async def test_a_prompt_for_both_models_is_found():
    result = (await run(World()))[-1].result
    assert "Sort the words." in result.best.prompt and "Use commas." in result.best.prompt
    assert result.verdict == "confirmed"


async def test_killed_at_any_call_and_resumed_it_ends_the_same():
    job = spec("worst", iterations=1)
    whole = World()
    expected = stable(await run(whole, job))
    for cut in range(1, len(whole.journal.entries) + 1):
        dying = World(die_at=cut)
        with pytest.raises(KilledError):
            await run(dying, job)
        assert stable(await run(World(dying.journal.entries), job)) == expected


async def test_the_budget_counts_the_sum_and_is_never_exceeded():
    whole = World()
    assert (await run(whole))[-1].result.spent.scored_tokens == whole.num_scored
    ends = set()
    for cap in range(34_000, 60_000, 8_000):
        world = World()
        world.rewriter.write = lambda request, rng: f"<prompt>Sort the words. Variant {rng.random()}.</prompt>"
        result = (await run(world, spec(caps=BudgetCaps(scored_tokens=cap), iterations=50, patience=50)))[-1].result
        assert world.num_scored <= cap
        assert result.test is not None
        ends.add(result.stop_reason)
    assert ends == {"budget"}


def test_no_target_at_all_is_refused():
    with pytest.raises(InvalidInputError, match="empty list"):
        SeveralTargets(Supervised(), 0)


def test_a_row_is_won_where_every_model_prefers_the_right_answer():
    both = SeveralTargets(MultipleChoice("pairs", 1.0), 2)
    cells = (((-1.0, -2.0, -1.0, -3.0), (-1.0, -2.0, -4.0, -3.0)),)
    scores = Scores(cells, (((1, 1, 1, 1), (1, 1, 1, 1)),), 0, 0, ModelIdentity("a", "0", "d", "e"))
    assert both.wins(scores).tolist() == [[True, False]]
    assert SeveralTargets(Supervised(), 2).wins(scores) is None
