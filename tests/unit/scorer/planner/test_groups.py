"""Groups of sequences that share a prefix: the cheapest cut, found another way by trying every cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorer.planner.groups import GROUP_OVERHEAD_TOKENS, TokenIds, common_prefix, plan_groups

sequences_of_two_tokens = st.lists(
    st.lists(st.sampled_from([0, 0, 0, 0, 0, 0, 1]), max_size=60).map(tuple), min_size=1, max_size=10, unique=True
)


def cheapest_by_trying(sequences: list[TokenIds], depth: int = 0) -> int:
    """Either one group with the longest common prefix, or each branch after it for itself."""
    if len(sequences) == 1:
        return len(sequences[0])
    shared = min(common_prefix(sequences[0], other) for other in sequences)
    branches: dict[TokenIds, list[TokenIds]] = {}
    for sequence in sequences:
        branches.setdefault(sequence[shared : shared + 1], []).append(sequence)
    apart = sum(cheapest_by_trying(branch, shared) for branch in branches.values())
    together = shared + GROUP_OVERHEAD_TOKENS + sum(len(sequence) - shared for sequence in sequences)
    return min(apart, together) if shared else apart


@settings(max_examples=25)
@given(sequences_of_two_tokens)
def test_plan_is_a_partition_and_the_cheapest(sequences: list[TokenIds]) -> None:
    groups = plan_groups(sequences)
    assert sorted(member for group in groups for member in group.members) == list(range(len(sequences)))
    cost = 0
    for group in groups:
        length = group.prefix_length
        assert len({sequences[member][:length] for member in group.members}) == 1
        cost += length + (GROUP_OVERHEAD_TOKENS if length else 0)
        cost += sum(len(sequences[member]) - length for member in group.members)
    assert cost == cheapest_by_trying(sequences)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 1), max_size=40), st.lists(st.integers(0, 1), max_size=40))
def test_common_prefix(first: list[int], second: list[int]) -> None:
    length = common_prefix(tuple(first), tuple(second))
    assert first[:length] == second[:length]
    assert first[length : length + 1] != second[length : length + 1] or not first[length:] or not second[length:]


def test_prompts_become_groups_and_strangers_stay_alone() -> None:
    first, second = tuple(range(100)), tuple(range(200, 300))
    sequences = [(*first, 1), (*second, 1, 2), (*first, 2), (7, 8), (*second, 3)]
    groups = plan_groups(sequences)
    assert [(group.prefix_length, group.members) for group in groups] == [(100, (0, 2)), (100, (1, 4)), (0, (3,))]
