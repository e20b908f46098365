"""Where a whole answer ends."""

from typing import Any, cast

import pytest

from services.scorer.generation.endings import answer_text, stop_place


class Letters:
    """Ids are letters: 0 is a."""

    def decode(self, ids: tuple[int, ...]) -> str:
        return "".join(chr(ord("a") + token) for token in ids)


@pytest.mark.parametrize(
    ("text", "stops", "place"),
    [("abcabc", ("c", "b"), 1), ("abc", ("x",), None), ("abc", (), None), ("abc", ("a",), 0)],
)
def test_the_first_of_several_stop_texts_counts(text: str, stops: tuple[str, ...], place: int | None) -> None:
    assert stop_place(text, stops) == place


@pytest.mark.parametrize(
    ("ids", "stops", "text"),
    [((0, 1, 25), (), "ab"), ((0, 25, 1), (), "azb"), ((0, 1, 25), ("b",), "a"), ((), ("b",), ""), ((0, 1), (), "ab")],
)
def test_an_answer_is_without_its_end_of_turn_and_its_stop_text(
    ids: tuple[int, ...], stops: tuple[str, ...], text: str
) -> None:
    assert answer_text(cast(Any, Letters()), ids, frozenset({25}), stops) == text
