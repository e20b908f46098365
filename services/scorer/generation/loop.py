"""Generation with a key-value cache: rows join and leave a running batch between tokens.

Rows of one prompt share its prefill. Prompts are padded on the left, so that every row's newest token stands in the
last column; rows that finish leave the batch, and columns that no row needs any more go with them::

    prefill (distinct prompts)   pad pad a0 a1 a2            columns of the mask
                                 b0  b1  b2 b3 b4
    decode (rows)                pad pad a0 a1 a2 | x0 x1     sample 0 of a
                                 pad pad a0 a1 a2 | y0 y1     sample 1 of a
                                 b0  b1  b2 b3 b4 | z0 z1     sample 0 of b
    joined                       pad pad pad c0 c1 c2 c3      sample 0 of c
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from transformers import DynamicCache, PreTrainedModel

from pmpo.errors import NonFiniteScoreError
from services.scorer.generation import cache as caches
from services.scorer.generation.rows import Row
from services.scorer.generation.sampling import draw_tokens
from services.scorer.generation.types import RowEnd, RowKey, SamplingRow
from services.scorer.rendering.codec import TextCodec


@dataclass(slots=True)
class _State:
    """The batch between two tokens: one line a row that is not finished.

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

    def joined(self, other: _State) -> _State:
        """The lines of both, the other's below; both caches are used up."""
        width = max(self.mask.shape[1], other.mask.shape[1])
        masks = [F.pad(mask, (width - mask.shape[1], 0)) for mask in (self.mask, other.mask)]
        caches.join(self.cache, other.cache)
        return _State(
            torch.cat([self.logits, other.logits]),
            torch.cat(masks),
            torch.cat([self.positions, other.positions]),
            self.cache,
        )

    def trimmed(self) -> _State:
        """The state without the columns on the left that hold no token of any row; the cache is changed in place."""
        num_columns = int(self.positions.max())  # the longest row fills all columns that are needed
        if num_columns == self.mask.shape[1]:
            return self
        caches.keep_newest(self.cache, num_columns)
        return _State(self.logits, self.mask[:, -num_columns:], self.positions, self.cache)


class TorchGenerator:
    """Samples with a transformers model in this process. Not for several threads at once."""

    def __init__(
        self, model: PreTrainedModel, codec: TextCodec, end_ids: frozenset[int], max_cached_tokens: int
    ) -> None:
        self._model = model
        self._codec = codec
        self._end_ids = end_ids
        self._max_cached_tokens = max_cached_tokens
        self._lets_rows_join = caches.can_join(model.config)
        self._rows: list[Row] = []
        self._state: _State | None = None

    @property
    def max_cached_tokens(self) -> int:
        """See ``Generator``."""
        return self._max_cached_tokens

    @property
    def lets_rows_join(self) -> bool:
        """See ``Generator``: not for models that keep more than keys and values by token (Mamba, linear attention)."""
        return self._lets_rows_join

    def turn(self, leaving: Set[RowKey], joining: Sequence[SamplingRow]) -> list[RowEnd]:
        """Let rows go and others join, draw one token for every row, and answer those that ended with it."""
        with torch.inference_mode():
            self._keep([line for line, row in enumerate(self._rows) if row.key not in leaving])
            if joining:
                self._join([Row.of(each) for each in joining])
            return self._advance() if self._state is not None else []

    def clear(self) -> None:
        """Drop all rows."""
        self._rows, self._state = [], None

    def _advance(self) -> list[RowEnd]:
        """One token for every row; the model is run for those that go on."""
        assert self._state is not None
        failed = _keys_of_bad_rows(self._rows, self._state.logits)
        self._draw(failed)
        ends = [RowEnd(row.key, failed.get(row.key) or row.sample()) for row in self._rows if _has_ended(row, failed)]
        self._keep([line for line, row in enumerate(self._rows) if not _has_ended(row, failed)])
        if self._state is not None:
            self._state = self._step([row.ids[-1] for row in self._rows], self._state)
        return ends

    def _keep(self, lines: Sequence[int]) -> None:
        """Only these rows go on."""
        if not lines:
            self.clear()
        elif self._state is not None and len(lines) < len(self._rows):
            self._rows = [self._rows[line] for line in lines]
            self._state = self._state.select(lines)
            self._state = self._state.trimmed() if self._lets_rows_join else self._state

    def _join(self, rows: list[Row]) -> None:
        state = self._prefill(rows)
        self._state = state if self._state is None else self._state.joined(state)
        self._rows = [*self._rows, *rows]

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

    def _draw(self, failed: dict[RowKey, NonFiniteScoreError]) -> None:
        """One token for every row that has not failed."""
        assert self._state is not None
        live = [line for line, row in enumerate(self._rows) if row.key not in failed]
        if not live:
            return
        rows = [self._rows[line] for line in live]
        tokens = draw_tokens(
            self._state.logits[torch.tensor(live, device=self._state.logits.device)],
            [row.request.temperature for row in rows],
            [row.request.top_p for row in rows],
            [row.uniform() for row in rows],
        )
        for row, token in zip(rows, tokens, strict=True):
            row.append(token, self._end_ids, self._codec)

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


def _keys_of_bad_rows(rows: Sequence[Row], logits: torch.Tensor) -> dict[RowKey, NonFiniteScoreError]:
    """The rows from which nothing can be drawn, each with its error; the others go on."""
    is_fine = torch.isfinite(logits.max(-1).values).tolist()
    message = "the model gave no finite logits for this request; its weights or its dtype are broken"
    return {row.key: NonFiniteScoreError(message) for row, fine in zip(rows, is_fine, strict=True) if not fine}


def _has_ended(row: Row, failed: dict[RowKey, NonFiniteScoreError]) -> bool:
    return row.finish_reason is not None or row.key in failed
