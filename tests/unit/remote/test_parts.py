"""A question cut into requests, and put together again."""

from hypothesis import given
from hypothesis import strategies as st

from pmpo.optim.types import Example, ModelIdentity, Scores
from pmpo.remote.parts import TEMPLATE_BYTES, joined, parts_of

IDENTITY = ModelIdentity("m", "r", "d", "e")


def examples(*sizes: int) -> list[Example]:
    return [Example(row, "x" * size, ("t",)) for row, size in enumerate(sizes)]


def answer(rows: range, columns: range) -> Scores:
    """Cell (r, c) scores -(100 r + c)."""
    sums = tuple(tuple((-(100.0 * row + column),) for column in columns) for row in rows)
    counts = tuple(tuple((row + column + 1,) for column in columns) for row in rows)
    return Scores(sums, counts, len(rows) * len(columns), 1, IDENTITY)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=9), st.lists(st.integers(0, 300), min_size=1, max_size=9))
def test_the_joined_parts_are_the_whole_and_no_part_is_too_large(
    prompt_sizes: list[int], input_sizes: list[int]
) -> None:
    limit = 1_000
    prompts, rows = ["p" * size for size in prompt_sizes], examples(*input_sizes)
    bands = [[(part, answer(*part)) for part in band] for band in parts_of(prompts, rows, limit)]
    whole = joined([[scores for _, scores in band] for band in bands])
    expected = answer(range(len(prompts)), range(len(rows)))
    assert (whole.log_likelihoods, whole.num_tokens) == (expected.log_likelihoods, expected.num_tokens)
    assert whole.scored_tokens == expected.scored_tokens
    for (some_prompts, some_rows), _ in (part for band in bands for part in band):
        size = sum(
            len(prompts[row]) + TEMPLATE_BYTES + len(rows[column].input) + 1
            for row in some_prompts
            for column in some_rows
        )
        assert size <= limit or len(some_prompts) * len(some_rows) == 1


def test_every_target_of_a_row_counts_its_prompt_and_input_again() -> None:
    one, four = Example(0, "x" * 100, ("t",)), Example(1, "x" * 100, ("a", "b", "c", "d"))
    size = 100 + TEMPLATE_BYTES + 100 + 1
    assert list(parts_of(["p" * 100], [one, one], 2 * size)) == [[(range(1), range(2))]]
    assert list(parts_of(["p" * 100], [one, four], 5 * size)) == [[(range(1), range(2))]]
    assert list(parts_of(["p" * 100], [one, four], 5 * size - 1)) == [[(range(1), range(1)), (range(1), range(1, 2))]]


def test_what_fits_is_one_request() -> None:
    assert list(parts_of(["p", "q"], examples(1, 2, 3))) == [[(range(2), range(3))]]
