from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scoring_speed.shapes import Item
from benchmarks.scoring_speed.work import ModelSize, Work, budget_bytes, count_work

IDS = st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple)
SIZE = ModelSize(
    body_parameters=1000,
    num_layers=2,
    attention_width=8,
    hidden_size=4,
    vocabulary=10,
    weight_bytes=0,
    key_value_bytes=16,
    widest_activation=100,
)


@given(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=8))
def test_work_is_that_of_the_set_of_all_prefixes(items: list[Item]) -> None:
    prefixes, rows = set(), set()
    for context, target in items:
        tokens = (context + target)[:-1]
        prefixes |= {tokens[:end] for end in range(1, len(tokens) + 1)}
        rows |= {tokens[:end] for end in range(len(context), len(tokens) + 1)}
    assert count_work(items) == Work(len(prefixes), sum(map(len, prefixes)), len(rows))


def test_work_of_a_small_tree() -> None:
    # inputs 1 2 3 and 1 2 4: tokens 1 2 3 4 at depths 1 2 3 3; predicted from 2, 3 and 4
    assert count_work([((1, 2), (3, 9)), ((1, 2), (4, 9))]) == Work(unique_tokens=4, attended=9, head_rows=3)


def test_operations_are_those_of_the_layers_the_attention_and_the_head() -> None:
    assert Work(10, 30, 3).flops(SIZE) == 2 * 10 * 1000 + 4 * 30 * 8 * 2 + 2 * 3 * 4 * 10


def test_the_budget_grows_with_the_tokens_of_a_pass() -> None:
    assert budget_bytes(SIZE, 2000) - budget_bytes(SIZE, 1000) == 116_000
