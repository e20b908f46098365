"""Contenders that need torch and transformers alone: all their variants give the numbers of one-by-one scoring."""

import numpy as np
import pytest

from benchmarks.scoring_speed.contenders import padded, tree
from benchmarks.scoring_speed.contenders.serving import Loading, Scored, from_tokens, read_items, write_items
from benchmarks.scoring_speed.shapes import SHAPES, Item
from benchmarks.scoring_speed.work import count_work

VOCABULARY = 512


def items(shape: str) -> list[Item]:
    return SHAPES[shape].items(3, 4, VOCABULARY, 0)


def assert_equal(found: Scored, right: Scored) -> None:
    assert found.tokens is not None
    assert right.tokens is not None
    assert [len(row) for row in found.tokens] == [len(row) for row in right.tokens]
    assert np.abs(np.subtract(found.sums, right.sums)).max() < 1e-4


@pytest.mark.parametrize("shape", ["B", "D", "E"])
@pytest.mark.parametrize("variant", ["full", "kept"])
def test_padding_changes_no_number(tiny: Loading, shape: str, variant: str) -> None:
    contender = padded.open_contender(tiny)
    assert_equal(contender.score(variant, items(shape)), contender.score("one_by_one", items(shape)))


@pytest.mark.parametrize("shape", ["B", "D", "E"])
@pytest.mark.parametrize("variant", list(tree.CALLS))
def test_an_ablation_changes_the_cost_and_no_number(tiny: Loading, shape: str, variant: str) -> None:
    right = padded.open_contender(tiny).score("one_by_one", items(shape))
    assert_equal(tree.open_contender(tiny).score(variant, items(shape)), right)


def test_nothing_shared_computes_all_tokens(tiny: Loading) -> None:
    contender = tree.open_contender(tiny)
    num_inputs = sum(len(context) + len(target) - 1 for context, target in items("B"))
    assert contender.score("nothing_shared", items("B")).computed_tokens == num_inputs
    ours = contender.score("tree", items("B")).computed_tokens
    assert ours is not None
    assert count_work(items("B")).unique_tokens <= ours < num_inputs


def test_nothing_merged_computes_equal_inputs_again(tiny: Loading) -> None:
    contender = tree.open_contender(tiny)
    merged = contender.score("tree", items("E")).computed_tokens
    assert merged is not None
    assert contender.score("nothing_merged", items("E")).computed_tokens == 4 * merged


@pytest.mark.parametrize("variant", list(tree.CALLS))
def test_every_item_is_in_one_call(variant: str) -> None:
    places = [place for call in tree.CALLS[variant](items("E")) for place, _ in call]
    assert sorted(places) == list(range(len(items("E"))))


def test_the_size_of_a_model_counts_a_tied_head_once(tiny: Loading) -> None:
    size = padded.open_contender(tiny).size()
    assert (size["num_layers"], size["attention_width"], size["vocabulary"]) == (2, 64, 512)
    # a layer: query and output 64 x 64, key and value 32 x 64, biases of all but the output, 3 x 64 x 128, two norms
    layer = 2 * 64 * 64 + 2 * 32 * 64 + 128 + 3 * 64 * 128 + 2 * 64
    assert size["body_parameters"] == 2 * layer + 64
    assert size["weight_bytes"] == 4 * (2 * layer + 64 + 512 * 64)


def test_items_come_back_from_a_file_as_they_were(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "items.json"
    write_items(file, items("B"))
    assert read_items(file) == items("B")


def test_sums_are_taken_in_double_precision() -> None:
    assert from_tokens([[np.float32(-1e8), np.float32(-1.0)]]).sums == [-100000001.0]  # type: ignore[list-item]
