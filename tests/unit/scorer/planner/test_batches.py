"""Plans are read back as a model would run them: what each token attends to must spell the sequence it belongs to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorer.engines.base import TokenItem
from services.scorer.planner.batches import MIN_SAVING_TOKENS, Plan, plan_batches
from services.scorer.planner.packed import even_cuts

ids = st.lists(st.sampled_from([0, 0, 0, 0, 1, 2**31]), min_size=1, max_size=30).map(tuple)
any_items = st.lists(st.builds(TokenItem, ids, ids), min_size=1, max_size=12)
budgets = st.integers(1, 60)
savings = st.sampled_from([1, 4, MIN_SAVING_TOKENS])


def spelled(plan: Plan) -> list[tuple[tuple[int, ...], ...]]:
    """For every batch, for every token: the ids that it attends to, in order, itself last."""
    batches: list[tuple[tuple[int, ...], ...]] = []
    kept: list[int] = []
    for batch in plan.batches:
        keys = [*kept, *batch.tokens.tolist()]
        assert len(kept) == batch.num_kept
        kept = [keys[key] for key in batch.kept_next]
        seen: list[tuple[int, ...]] = []
        parts = batch.segments
        for start, length, depth, prefix in zip(
            parts.starts.tolist(), parts.lengths.tolist(), parts.depths.tolist(), parts.prefixes.tolist(), strict=True
        ):
            above = tuple(keys[key] for key in batch.prefixes[prefix]) if prefix >= 0 else ()
            assert start == len(seen)
            assert len(above) == depth
            seen += [above + tuple(batch.tokens[start : start + place + 1].tolist()) for place in range(length)]
        assert [len(path) - 1 for path in seen] == batch.positions.tolist()
        batches.append(tuple(seen))
    return batches


def trie_size(items: list[TokenItem]) -> int:
    inputs = [item.context + item.target[:-1] for item in items]
    return len({row[:length] for row in inputs for length in range(1, len(row) + 1)})


@settings(max_examples=150)
@given(any_items, budgets, savings)
def test_every_target_is_predicted_from_its_own_context(items: list[TokenItem], budget: int, min_saving: int) -> None:
    plan = plan_batches(items, budget, min_saving)
    found: dict[int, tuple[tuple[int, ...], int]] = {}
    for batch, seen in zip(plan.batches, spelled(plan), strict=True):
        assert batch.head_rows.tolist() == sorted(set(batch.head_rows.tolist()))
        rows = batch.head_rows[batch.value_rows].tolist()
        for slot, row, token in zip(batch.value_slots.tolist(), rows, batch.value_tokens.tolist(), strict=True):
            assert slot not in found
            found[slot] = (seen[row], token)
    expected = [
        ((item.context + item.target)[: len(item.context) + place], token)
        for item in items
        for place, token in enumerate(item.target)
    ]
    assert [found[slot] for slot in range(len(found))] == expected


@settings(max_examples=150)
@given(any_items, budgets, savings)
def test_budget_is_kept_and_computed_tokens_are_those_of_the_batches(
    items: list[TokenItem], budget: int, min_saving: int
) -> None:
    plan = plan_batches(items, budget, min_saving)
    sizes = [len(batch.tokens) for batch in plan.batches]
    assert min(sizes) > 0
    assert max(sizes) <= budget
    assert max(sizes) - min(sizes) <= 1
    assert sum(sizes) == plan.computed_tokens.sum()
    assert len(plan.computed_tokens) == len(items)


@settings(max_examples=100)
@given(any_items, budgets)
def test_tokens_computed_are_the_nodes_of_the_tree_however_it_is_cut(items: list[TokenItem], budget: int) -> None:
    plan = plan_batches(items, budget, min_saving=1)
    paths = [path for seen in spelled(plan) for path in seen]
    assert len(paths) == len(set(paths)) == trie_size(items)


@settings(max_examples=100)
@given(any_items, savings)
def test_sharing_less_costs_less_than_a_branch_each(items: list[TokenItem], min_saving: int) -> None:
    plan = plan_batches(items, 10_000, min_saving)
    (batch,) = plan.batches
    lost = int(plan.computed_tokens.sum()) - trie_size(items)
    all_branches = len(plan_batches(items, 10_000, 1).batches[0].prefixes)
    assert 0 <= lost <= (min_saving - 1) * (all_branches - len(batch.prefixes))


@settings(max_examples=50)
@given(any_items)
def test_duplicates_are_free(items: list[TokenItem]) -> None:
    once = plan_batches(items, 10_000)
    twice = plan_batches([*items, *items], 10_000)
    assert twice.computed_tokens.tolist() == [*once.computed_tokens.tolist(), *[0] * len(items)]
    assert twice.batches[0].head_rows.tolist() == once.batches[0].head_rows.tolist()


@given(st.integers(1, 10_000), st.integers(1, 500))
def test_even_cuts(num_nodes: int, max_tokens: int) -> None:
    sizes = [end - start for start, end in pairwise(even_cuts(num_nodes, max_tokens))]
    assert sum(sizes) == num_nodes
    assert len(sizes) == -(-num_nodes // max_tokens)
    assert max(sizes) <= max_tokens


def test_examples_hang_below_their_prompt() -> None:
    prompt, other = tuple(range(10, 40)), (10, 11, *range(50, 80))
    items = [TokenItem((*start, first), (7, 8)) for start in (prompt, other) for first in (1, 2, 3)]
    (batch,) = plan_batches(items, 1000).batches
    # the prompts have two tokens in common: too few to be worth a branch
    assert batch.segments.depths.tolist() == [0, 30, 30, 30, 0, 32, 32, 32]
    assert batch.segments.lengths.tolist() == [30, 2, 2, 2, 32, 2, 2, 2]
    assert [prefix.tolist() for prefix in batch.prefixes] == [list(range(30)), list(range(36, 68))]
    assert batch.segments.prefixes.tolist() == [-1, 0, 0, 0, -1, 1, 1, 1]


def test_a_sequence_that_goes_on_where_another_ends_is_a_segment_below_it() -> None:
    line = tuple(range(50))
    (batch,) = plan_batches([TokenItem(line[:end], (line[end],)) for end in (20, 49, 3)], 1000).batches
    # three tokens are not worth a branch, twenty are
    assert batch.tokens.tolist() == [*line[:3], *line[:49]]
    assert batch.segments.lengths.tolist() == [3, 20, 29]
    assert batch.segments.depths.tolist() == [0, 0, 20]
    assert batch.head_rows.tolist() == [2, 22, 51]


@settings(max_examples=100)
@given(any_items, budgets, savings)
def test_all_tokens_of_a_segment_belong_to_the_same_items(items: list[TokenItem], budget: int, min_saving: int) -> None:
    inputs = [item.context + item.target[:-1] for item in items]
    plan = plan_batches(items, budget, min_saving=1)
    for batch, seen in zip(plan.batches, spelled(plan), strict=True):
        for start, length in zip(batch.segments.starts.tolist(), batch.segments.lengths.tolist(), strict=True):
            first, last = seen[start], seen[start + length - 1]
            below_first = [row for row in inputs if row[: len(first)] == first]
            below_last = [row for row in inputs if row[: len(last)] == last]
            assert below_first == below_last


def test_labels_of_one_context_need_one_row() -> None:
    plan = plan_batches([TokenItem((5, 6, 7), (label,)) for label in range(9)], 1000)
    assert plan.batches[0].head_rows.tolist() == [2]
    assert plan.batches[0].value_tokens[np.argsort(plan.batches[0].value_slots)].tolist() == list(range(9))
    assert plan.computed_tokens.tolist() == [3, *[0] * 8]


@pytest.mark.parametrize("budget", [1, 7, 64])
def test_an_item_longer_than_the_budget_is_run_in_parts(budget: int) -> None:
    item = TokenItem(tuple(range(100)), tuple(range(50)))
    plan = plan_batches([item], budget)
    assert spelled(plan)[-1][-1] == item.context + item.target[:-1]
    assert all(len(batch.tokens) <= budget for batch in plan.batches)
