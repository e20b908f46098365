"""Generation with a key-value cache: requests that wait together run together.

Rows of one prompt share its prefill. Prompts are padded on the left, so that every row's newest token stands in the
last column; rows that finish leave the batch::

    prefill (distinct prompts)   pad pad a0 a1 a2          columns of the mask
                                 b0  b1  b2 b3 b4
    decode (rows)                pad pad a0 a1 a2 | x0 x1     sample 0 of a
                                 pad pad a0 a1 a2 | y0 y1     sample 1 of a
                                 b0  b1  b2 b3 b4 | z0 z1     sample 0 of b
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from transformers import DynamicCache, PreTrainedModel

from pmpo.errors import NonFiniteScoreError, PmpoError
from services.scorer.generation.rows import Row
from services.scorer.generation.sampling import draw_tokens
from services.scorer.generation.types import Sample, SamplingRequest
from services.scorer.rendering.codec import TextCodec


@dataclass(slots=True)
class _State:
    """The batch between two steps: one line a row that is not finished.

    Attributes:
        logits: (rows, vocabulary) of the next token, float32.
        mask: (rows, columns) 1 where the cache holds a token of the row.
        positions: (rows,) position of the next token.
        cache: keys and values, one line a row.
    """

    logits: torch.Tensor
    mask: torch.Tensor
    positions: torch.Tensor
    cache: DynamicCache

    def select(self, lines: Sequence[int]) -> _State:
        """The state with only these lines, in this order (a line may be repeated); the cache is changed in place."""
        index = torch.tensor(lines, device=self.logits.device)
        self.cache.reorder_cache(cast(torch.LongTensor, index))
        return _State(self.logits[index], self.mask[index], self.positions[index], self.cache)


class TorchGenerator:
    """Samples with a transformers model in this process. Not for several threads at once."""

    def __init__(
        self, model: PreTrainedModel, codec: TextCodec, end_ids: frozenset[int], max_cached_tokens: int
    ) -> None:
        self._model = model
        self._codec = codec
        self._end_ids = end_ids
        self._max_cached_tokens = max_cached_tokens

    def generate(self, requests: Sequence[SamplingRequest]) -> list[tuple[Sample, ...] | PmpoError]:
        """For each request its samples in order, or the error that it alone failed with."""
        rows = [
            Row.of(index, sample, request)
            for index, request in enumerate(requests)
            for sample in range(request.num_samples)
        ]
        failed: dict[int, PmpoError] = {}
        with torch.inference_mode():
            for batch in self._batches(rows):
                self._run(batch, failed)
        return [
            failed.get(index) or tuple(row.sample() for row in rows if row.request_index == index)
            for index in range(len(requests))
        ]

    def _batches(self, rows: Sequence[Row]) -> Iterator[list[Row]]:
        """The rows in order, as many at a time as the cache limit allows (at least one)."""
        batch: list[Row] = []
        longest = 0
        for row in rows:
            length = len(row.request.prompt) + row.request.max_tokens
            if batch and max(longest, length) * (len(batch) + 1) > self._max_cached_tokens:
                yield batch
                batch, longest = [], 0
            batch.append(row)
            longest = max(longest, length)
        if batch:
            yield batch

    def _run(self, rows: list[Row], failed: dict[int, PmpoError]) -> None:
        """Draw until every row is finished or its request has failed."""
        state = self._prefill(rows)
        while True:
            _fail_non_finite(rows, state.logits, failed)
            self._draw(rows, state.logits, failed)
            kept = [
                line for line, row in enumerate(rows) if row.finish_reason is None and row.request_index not in failed
            ]
            if not kept:
                return
            if len(kept) < len(rows):
                state = state.select(kept)
                rows = [rows[line] for line in kept]
            state = self._step([row.ids[-1] for row in rows], state)

    def _prefill(self, rows: Sequence[Row]) -> _State:
        """Run the distinct prompts once and give every row its prompt's line."""
        place: dict[tuple[int, ...], int] = {}
        lines = [place.setdefault(row.request.prompt, len(place)) for row in rows]
        longest = max(map(len, place))
        padded = [(longest - len(prompt)) * prompt[:1] + prompt for prompt in place]
        lengths = torch.tensor([len(prompt) for prompt in place], device=self._model.device)
        columns = torch.arange(longest, device=self._model.device) - (longest - lengths)[:, None]
        cache = DynamicCache(config=self._model.config)
        output = self._model.base_model(
            input_ids=torch.tensor(padded, device=self._model.device),
            attention_mask=(columns >= 0).long(),
            position_ids=columns.clamp(min=0),
            past_key_values=cache,
            use_cache=True,
        )
        logits = self._head(output.last_hidden_state[:, -1])
        return _State(logits, (columns >= 0).long(), lengths, cache).select(lines)

    def _draw(self, rows: Sequence[Row], logits: torch.Tensor, failed: dict[int, PmpoError]) -> None:
        """One token for every row whose request has not failed."""
        live = [line for line, row in enumerate(rows) if row.request_index not in failed]
        if not live:
            return
        requests = [rows[line].request for line in live]
        tokens = draw_tokens(
            logits[torch.tensor(live, device=logits.device)],
            [request.temperature for request in requests],
            [request.top_p for request in requests],
            [rows[line].uniform() for line in live],
        )
        for line, token in zip(live, tokens, strict=True):
            rows[line].append(token, self._end_ids, self._codec)

    def _step(self, tokens: Sequence[int], state: _State) -> _State:
        """Run one token a row."""
        mask = torch.cat([state.mask, torch.ones_like(state.mask[:, :1])], dim=1)
        output = self._model.base_model(
            input_ids=torch.tensor(tokens, device=self._model.device)[:, None],
            attention_mask=mask,
            position_ids=state.positions[:, None],
            past_key_values=state.cache,
            use_cache=True,
        )
        return _State(self._head(output.last_hidden_state[:, -1]), mask, state.positions + 1, state.cache)

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (rows, vocabulary), float32, of hidden states (rows, width)."""
        logits: torch.Tensor = self._model.get_output_embeddings()(hidden).float()
        return logits


def _fail_non_finite(rows: Sequence[Row], logits: torch.Tensor, failed: dict[int, PmpoError]) -> None:
    """Fail the requests of rows from which nothing can be drawn; the others go on."""
    for line, is_fine in enumerate(torch.isfinite(logits.max(-1).values).tolist()):
        if not is_fine:
            error = NonFiniteScoreError(
                "the model gave no finite logits for this request; its weights or its dtype are broken"
            )
            failed.setdefault(rows[line].request_index, error)
