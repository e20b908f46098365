"""A generator over a model that draws whole answers by itself: a server, or an engine with a scheduler of its own."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Protocol

from pmpo.errors import PmpoError
from services.scorer.generation.types import RowEnd, RowKey, Sample, SamplingRequest, SamplingRow

NO_BOUND = 2**62


class AnswerSource(Protocol):
    """Draws all samples of all requests in one call. Called from one thread at a time."""

    def generate(self, requests: Sequence[SamplingRequest]) -> list[tuple[Sample, ...] | PmpoError]:
        """For each request its samples in order, or the error that it alone failed with.

        A sample depends on its request and its index alone, never on the company or on how many are asked for.
        """


class WholeAnswers:
    """``Generator`` over an ``AnswerSource``: every row ends in the turn in which it joins."""

    max_cached_tokens = NO_BOUND
    lets_rows_join = True

    def __init__(self, source: AnswerSource) -> None:
        self._source = source

    def turn(self, leaving: Set[RowKey], joining: Sequence[SamplingRow]) -> list[RowEnd]:
        """Draw the joining rows to their ends. Rows of one request are mostly all there, and asked for at once."""
        by_request: dict[int, list[SamplingRow]] = {}
        for row in joining:
            by_request.setdefault(row.key.request_number, []).append(row)
        asked = [_request_for(rows) for rows in by_request.values()]
        answers = self._source.generate(asked) if asked else []
        return [
            RowEnd(row.key, answer if isinstance(answer, PmpoError) else answer[row.key.sample_index])
            for rows, answer in zip(by_request.values(), answers, strict=True)
            for row in rows
        ]

    def clear(self) -> None:
        """There is nothing to drop between turns."""


def _request_for(rows: Sequence[SamplingRow]) -> SamplingRequest:
    """The request with as many samples as the highest index among the rows needs."""
    return replace(rows[0].request, num_samples=1 + max(row.key.sample_index for row in rows))
