import pytest

from benchmarks.scoring_speed.shapes import FIRST_ID, SHAPES, num_raw_tokens, spread_places
from benchmarks.scoring_speed.work import common_prefix

VOCABULARY = 1000


def test_the_same_seed_draws_the_same_items_and_another_does_not() -> None:
    assert SHAPES["A"].items(2, 3, VOCABULARY, 5) == SHAPES["A"].items(2, 3, VOCABULARY, 5)
    assert SHAPES["A"].items(2, 3, VOCABULARY, 5) != SHAPES["A"].items(2, 3, VOCABULARY, 6)


@pytest.mark.parametrize("name", list(SHAPES))
def test_there_are_c_times_n_items_of_known_ids(name: str) -> None:
    items = SHAPES[name].items(3, 8, VOCABULARY, 0)
    assert len(items) == 24
    assert all(FIRST_ID <= token < VOCABULARY for context, target in items for token in context + target)
    assert all(context and target for context, target in items)


def test_examples_of_a_candidate_share_its_prompt_and_candidates_share_their_targets() -> None:
    items = SHAPES["A"].items(2, 4, VOCABULARY, 0)
    assert common_prefix(items[0][0], items[1][0]) >= 300
    assert common_prefix(items[0][0], items[4][0]) < 5
    assert [target for _, target in items[:4]] == [target for _, target in items[4:]]


def test_masked_variants_lack_one_unit_each_of_the_whole_prompt() -> None:
    items = SHAPES["D"].items(5, 1, VOCABULARY, 0)
    whole, *others = (context for context, _ in items)
    num_missing = [len(whole) - len(other) for other in others]
    assert len(set(items)) == 5
    prompt_length = sum(num_missing)
    assert SHAPES["D"].prompt * 0.7 < prompt_length < SHAPES["D"].prompt * 1.3
    kept = [common_prefix(whole, other) for other in others]
    assert kept == sorted(kept)


def test_labels_differ_in_the_target_alone() -> None:
    items = SHAPES["E"].items(1, 8, VOCABULARY, 0)
    assert len({context for context, _ in items}) == 2
    assert {len(target) for _, target in items} == {1}
    assert len(set(items)) == 8


def test_the_places_of_the_reference_reach_from_the_first_to_the_last() -> None:
    assert spread_places(32, 6) == [0, 6, 12, 19, 25, 31]
    assert spread_places(3, 6) == [0, 1, 2]


def test_raw_tokens_count_everything_that_stands_in_an_item() -> None:
    assert num_raw_tokens([((1, 2), (3,)), ((1,), (2, 3))]) == 6
