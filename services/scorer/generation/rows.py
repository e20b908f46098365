"""One row of a generation batch: what it has sampled, and when it is done."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from services.scorer.generation.endings import stop_place
from services.scorer.generation.sampling import random_stream
from services.scorer.generation.types import FinishReason, RowKey, Sample, SamplingRequest, SamplingRow
from services.scorer.rendering.codec import TextCodec

SPARE_TAIL_TOKENS = 4  # a stop text may begin inside a token and follow bytes that are no character alone


@dataclass(slots=True)
class Row:
    """A sample that is being drawn."""

    key: RowKey
    request: SamplingRequest
    stream: np.random.Generator
    ids: list[int] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    text: str = ""

    @classmethod
    def of(cls, row: SamplingRow) -> Row:
        """A row that has drawn nothing yet."""
        return cls(row.key, row.request, random_stream(row.request.seed, row.key.sample_index))

    def uniform(self) -> float:
        """The next number of the row's own stream, in [0, 1); greedy rows take none."""
        return float(self.stream.random()) if self.request.temperature else 0.0

    def append(self, token: int, end_ids: frozenset[int], codec: TextCodec) -> None:
        """Take a sampled token; sets ``finish_reason`` and ``text`` when it is the row's last."""
        self.ids.append(token)
        if token in end_ids:
            self._finish("stop", codec.decode(self.ids[:-1]))
        elif (stopped := self._stopped_text(codec)) is not None:
            self._finish("stop", stopped)
        elif len(self.ids) >= self.request.max_tokens:
            self._finish("length", codec.decode(self.ids))

    def sample(self) -> Sample:
        """The finished row's answer."""
        if self.finish_reason is None:
            raise RuntimeError("the row is not finished")
        return Sample(self.text, len(self.ids), self.finish_reason)

    def _finish(self, reason: FinishReason, text: str) -> None:
        self.finish_reason = reason
        self.text = text

    def _stopped_text(self, codec: TextCodec) -> str | None:
        """The text before the first stop text, or None. Only the tail is decoded until a stop text stands in it."""
        stops = self.request.stops
        if not stops:
            return None
        num_tail = max(len(stop.encode()) for stop in stops) + SPARE_TAIL_TOKENS
        tail = codec.decode(self.ids[-num_tail:])
        if not any(stop in tail for stop in stops):
            return None
        text = codec.decode(self.ids)
        place = stop_place(text, stops)
        return None if place is None else text[:place]
