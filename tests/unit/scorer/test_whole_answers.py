"""A source of whole answers behind the generator's port."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.errors import NonFiniteScoreError, PmpoError
from services.scorer.generation.types import RowKey, Sample, SamplingRequest, SamplingRow
from services.scorer.generation.whole import WholeAnswers

BAD_SEED = 13


class Source:
    """Says which sample of which seed it is."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def generate(self, requests: Sequence[SamplingRequest]) -> list[tuple[Sample, ...] | PmpoError]:
        self.asked.append(len(requests))
        return [
            NonFiniteScoreError("bad")
            if request.seed == BAD_SEED
            else tuple(Sample(f"{request.seed}.{index}", 1, "stop") for index in range(request.num_samples))
            for request in requests
        ]


def rows(number: int, seed: int, indices: Sequence[int]) -> list[SamplingRow]:
    request = SamplingRequest((1,), 5, 4, 1.0, 1.0, seed)
    return [SamplingRow(RowKey(number, index), request) for index in indices]


def test_all_rows_end_in_the_turn_in_which_they_join() -> None:
    generator = WholeAnswers(source := Source())
    ends = generator.turn(set(), [*rows(0, 7, [0, 1]), *rows(1, BAD_SEED, [0, 1]), *rows(2, 8, [3])])
    assert [end.key for end in ends] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 3)]
    assert [end.outcome.text for end in ends if isinstance(end.outcome, Sample)] == ["7.0", "7.1", "8.3"]
    assert [type(end.outcome) for end in ends[2:4]] == [NonFiniteScoreError] * 2
    assert source.asked == [3]


def test_nothing_is_asked_for_nothing() -> None:
    generator = WholeAnswers(source := Source())
    assert generator.turn({RowKey(0, 0)}, []) == []
    generator.clear()
    assert source.asked == []
