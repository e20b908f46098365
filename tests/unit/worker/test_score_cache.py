"""The shared score cache: the same answers as without it, and nothing is asked twice."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from pmpo.errors import StoreUnavailableError
from pmpo.optim.types import Example, ModelIdentity, Scores
from pmpo.remote.answers import ServedModel
from services.store.scores import SharedScores
from services.store.store import Store
from services.worker.cells import Cell, Keys
from services.worker.score_cache import CachedScorer

IDENTITY = ModelIdentity("nano", "abc", "float32", "torch_tree")
ONE = Example(0, "in", ("out",), {"unit": "cm"})
SEVERAL = Example(7, "two", ("a", "bcd"))
EXAMPLES = (ONE, SEVERAL)


class CountingScorer:
    """Scores by what the texts are; remembers the shapes it was asked for."""

    def __init__(
        self, identity: ModelIdentity = IDENTITY, *, is_deterministic: bool = False, miscounts: int = 0
    ) -> None:
        self.identity: ModelIdentity | None = None
        self.served = ServedModel(identity, is_deterministic)
        self.miscounts = miscounts
        self.asked: list[tuple[list[str], list[int]]] = []
        self.counted: list[tuple[int, int]] = []

    async def ask_model(self) -> ServedModel:
        self.identity = self.served.identity
        return self.served

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        self.asked.append((list(prompts), [example.index for example in examples]))
        self.identity = self.served.identity
        tokens = sum(_tokens(prompt, example) for prompt in prompts for example in examples)
        return Scores(
            tuple(tuple(_nats(prompt, example) for example in examples) for prompt in prompts),
            tuple(tuple(tuple(map(len, example.targets)) for example in examples) for _ in prompts),
            tokens + self.miscounts,
            tokens // 2,
            self.identity,
        )

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        self.counted.append((len(prompts), len(examples)))
        return [[_tokens(prompt, example) for example in examples] for prompt in prompts]

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


def _nats(prompt: str, example: Example) -> tuple[float, ...]:
    unit, prefix = len(example.fields.get("unit", "")), len(example.answer_prefix)
    return tuple(
        -len(prompt) / 3 - len(example.input) / 7 - len(target) - unit / 9 - prefix for target in example.targets
    )


def _tokens(prompt: str, example: Example) -> int:
    return sum(len(prompt) + len(example.input) + len(target) for target in example.targets)


@pytest.fixture
def shared(store: Store) -> SharedScores:
    return SharedScores(store._redis, 1_000_000)


def _without_cost(scores: Scores) -> Scores:
    return replace(scores, computed_tokens=0)


async def test_what_another_job_has_scored_is_not_asked_again(shared: SharedScores) -> None:
    first, second = CountingScorer(), CountingScorer()
    scores = await CachedScorer(first, shared).score(["p", "longer"], EXAMPLES)
    again = await CachedScorer(second, shared).score(["longer", "p"], EXAMPLES[::-1])
    assert scores == await CountingScorer().score(["p", "longer"], EXAMPLES)
    assert again == _without_cost(await CountingScorer().score(["longer", "p"], EXAMPLES[::-1]))
    assert (len(first.asked), second.asked) == (1, [])
    assert second.identity == IDENTITY


async def test_only_what_is_not_known_is_asked_as_one_rectangle(shared: SharedScores) -> None:
    examples = [Example(n, "i" * n, ("t" * (n + 1),)) for n in range(4)]
    await CachedScorer(CountingScorer(), shared).score(["a"], examples)
    await CachedScorer(CountingScorer(), shared).score(["bb", "ccc"], [examples[1], examples[2]])
    inner = CountingScorer()
    scores = await CachedScorer(inner, shared).score(["a", "bb", "ccc"], examples[:3])
    assert inner.asked == [(["bb", "ccc"], [0])]
    whole = await CountingScorer().score(["a", "bb", "ccc"], examples[:3])
    assert _without_cost(scores) == _without_cost(whole)
    assert scores.computed_tokens < whole.computed_tokens
    counts = await shared.counts()
    assert (counts.num_hits, counts.num_misses) == (7, 4 + 4 + 2)


@pytest.mark.parametrize(
    "change",
    [
        {"input": "other"},
        {"targets": ("out!",)},
        {"targets": ("out", "x")},
        {"fields": {"unit": "inch"}},
        {"answer_prefix": "So: "},
    ],
)
async def test_whatever_decides_a_score_is_in_its_key(shared: SharedScores, change: dict[str, Any]) -> None:
    await CachedScorer(CountingScorer(), shared).score(["p"], [ONE])
    changed = replace(ONE, **change)
    scores = await CachedScorer(CountingScorer(), shared).score(["p"], [changed])
    assert scores == await CountingScorer().score(["p"], [changed])


async def test_arguments_of_the_chat_template_are_in_the_key(shared: SharedScores) -> None:
    await CachedScorer(CountingScorer(), shared, {"enable_thinking": False}).score(["p"], [ONE])
    for arguments, num_asked in (({}, 1), ({"enable_thinking": True}, 1), ({"enable_thinking": False}, 0)):
        inner = CountingScorer()
        await CachedScorer(inner, shared, arguments).score(["p"], [ONE])
        assert len(inner.asked) == num_asked


async def test_weight_and_place_of_an_example_do_not_matter(shared: SharedScores) -> None:
    await CachedScorer(CountingScorer(), shared).score(["p"], [ONE])
    inner = CountingScorer()
    await CachedScorer(inner, shared).score(["p"], [replace(ONE, index=9, weight=0.5)])
    assert inner.asked == []


@pytest.mark.parametrize("change", [{"model": "m"}, {"revision": "abd"}, {"dtype": "bfloat16"}, {"engine": "remote"}])
async def test_models_do_not_share_scores(shared: SharedScores, change: dict[str, str]) -> None:
    await CachedScorer(CountingScorer(), shared).score(["p"], EXAMPLES)
    other = CountingScorer(replace(IDENTITY, **change))
    scores = await CachedScorer(other, shared).score(["p"], EXAMPLES)
    assert len(other.asked) == 1
    assert scores.identity == other.served.identity


async def test_a_deterministic_scorer_is_never_answered_for(shared: SharedScores) -> None:
    await CachedScorer(CountingScorer(), shared).score(["p"], EXAMPLES)
    inner = CountingScorer(is_deterministic=True)
    for _ in range(2):
        await CachedScorer(inner, shared).score(["p"], EXAMPLES)
    assert len(inner.asked) == 2


async def test_counts_of_a_reservation_are_not_asked_again(shared: SharedScores) -> None:
    scorer = CachedScorer(inner := CountingScorer(), shared)
    assert await scorer.num_scored_tokens(["p"], EXAMPLES) == await inner.num_scored_tokens(["p"], EXAMPLES)
    num_asked = len(inner.counted)
    await scorer.score(["p"], EXAMPLES)
    assert len(inner.counted) == num_asked
    await scorer.score(["q"], EXAMPLES)
    assert inner.counted[num_asked:] == [(1, 2)]
    assert await scorer.count_tokens(["abc"]) == [3]


async def test_a_scorer_that_counts_otherwise_than_it_reports_is_not_cached(shared: SharedScores) -> None:
    for _ in range(2):
        inner = CountingScorer(miscounts=1)
        scores = await CachedScorer(inner, shared).score(["p"], EXAMPLES)
        assert scores == await inner.score(["p"], EXAMPLES)
        assert len(inner.asked) > 1


class DeadStore:
    """A Redis that is away."""

    async def find(self, names: Mapping[str, Sequence[bytes]]) -> NoReturn:
        raise StoreUnavailableError("Redis does not answer")

    async def keep(self, entries: Mapping[str, Mapping[bytes, bytes]]) -> NoReturn:
        raise StoreUnavailableError("Redis does not answer")

    async def count(self, num_hits: int, num_misses: int) -> NoReturn:
        raise StoreUnavailableError("Redis does not answer")


async def test_a_cache_that_does_not_answer_is_done_without(logs: list[MutableMapping[str, Any]]) -> None:
    scores = await CachedScorer(CountingScorer(), DeadStore()).score(["p"], EXAMPLES)
    assert scores == await CountingScorer().score(["p"], EXAMPLES)
    warned = {line["event"] for line in logs if line["log_level"] == "warning"}
    assert warned == {"score_cache_not_read", "score_cache_not_written", "score_cache_not_counted"}


async def test_an_entry_that_is_broken_is_scored_again(shared: SharedScores) -> None:
    keys = Keys.of(IDENTITY, {}, ["p"], EXAMPLES)
    broken = Cell((float("nan"),), (3,), 5).encode()
    await shared.keep({keys.groups[0]: {keys.names[0]: broken, keys.names[1]: b"short"}})
    scores = await CachedScorer(CountingScorer(), shared).score(["p"], EXAMPLES)
    assert scores == await CountingScorer().score(["p"], EXAMPLES)


def test_cells_are_exact_to_the_last_bit() -> None:
    cell = Cell((-0.1 - 0.2, -1e-300, -0.0), (1, 2, 2**32 - 1), 77)
    assert Cell.try_decode(cell.encode(), 3) == cell
    assert Cell.try_decode(cell.encode(), 2) is None
    assert Cell.try_decode(None, 3) is None
