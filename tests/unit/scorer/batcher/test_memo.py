"""The memo of scores keeps what it got, within its bound; keys are everything that decides a score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.batcher.items import ItemPreparer
from services.scorer.batcher.memo import ENTRY_BYTES, ScoreMemo
from services.scorer.engines.base import EngineIdentity, TokenItem
from services.scorer.planner.groups import common_prefix

IDENTITY = EngineIdentity("m", "r", "float32", "e", "tree", 1, 100)
ROOM = ENTRY_BYTES + 4 * 3
VALUES = np.array([-1.0, -2.0, -3.0], dtype=np.float32)
ids = st.lists(st.integers(0, 3), max_size=12).map(tuple)


def test_what_is_remembered_comes_back_as_it_was() -> None:
    memo = ScoreMemo(10_000)
    rows = np.stack([VALUES, VALUES - 1])
    memo.remember(b"a", rows[1])
    rows[:] = 0
    found = memo.find(b"a")
    assert found is not None
    assert found.tolist() == [-2.0, -3.0, -4.0]
    assert memo.find(b"b") is None
    assert memo.counts.num_hits == 1


def test_the_least_recently_used_make_room() -> None:
    memo = ScoreMemo(3 * ROOM)
    for key in (b"a", b"b", b"c"):
        memo.remember(key, VALUES)
    memo.find(b"a")
    memo.remember(b"d", VALUES)
    assert [key for key in (b"a", b"b", b"c", b"d") if memo.find(key) is not None] == [b"a", b"c", b"d"]
    assert memo.counts.num_dropped == 1
    assert memo.num_bytes == 3 * ROOM


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.integers(1, 400)), max_size=60))
def test_the_bound_holds(entries: list[tuple[bytes, int]]) -> None:
    memo = ScoreMemo(5 * ROOM)
    for key, num in entries:
        memo.remember(key, np.zeros(num, dtype=np.float32))
        assert 0 <= memo.num_bytes <= 5 * ROOM


@pytest.mark.parametrize(("max_bytes", "key"), [(0, b"a"), (10_000, None)])
def test_switched_off_or_without_a_key_it_remembers_nothing(max_bytes: int, key: bytes | None) -> None:
    memo = ScoreMemo(max_bytes)
    memo.remember(key, VALUES)
    memo.note_computed(key)
    assert memo.find(key) is None
    assert (memo.num_bytes, memo.counts.num_misses) == (0, int(key is not None))


def test_keys_differ_in_everything_that_decides_a_score() -> None:
    item = TokenItem((1, 2, 3), (4, 5))
    items = [item, TokenItem((1, 2), (3, 4, 5)), TokenItem((1, 2, 3), (4,)), TokenItem((1, 2, 9), (4, 5))]
    keys = set(ItemPreparer(IDENTITY, remembers=True).prepare(items).keys)
    for change in ({"model": "n"}, {"revision": "s"}, {"dtype": "bfloat16"}, {"engine": "f"}):
        keys |= set(ItemPreparer(replace(IDENTITY, **change), remembers=True).prepare([item]).keys)  # type: ignore[arg-type]
    assert len(keys) == 8
    assert ItemPreparer(IDENTITY, remembers=True).prepare([item]).keys[0] in keys


@given(st.lists(st.tuples(ids, ids.filter(len)), max_size=8))
def test_costs_are_the_tokens_that_are_not_shared_with_the_item_before(
    pairs: list[tuple[tuple[int, ...], ...]],
) -> None:
    items = [TokenItem(context, target) for context, target in pairs]
    prepared = ItemPreparer(IDENTITY, remembers=False).prepare(items)
    before: tuple[int, ...] = ()
    for item, cost in zip(items, prepared.costs, strict=True):
        tokens = item.context + item.target
        shared = next((n for n, (a, b) in enumerate(zip(before, tokens, strict=False)) if a != b), None)
        num = min(len(before), len(tokens)) if shared is None else shared
        assert common_prefix(before, tokens) == num
        assert cost == max(1, len(tokens) - num)
        before = tokens
    assert prepared.keys == ()
    assert prepared.num_tokens == sum(item.num_tokens for item in items)
