"""A batch's segments as its attention needs them: where they stand, and the keys on the path above each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import numpy as np
import torch

from services.scorer.planner.batches import Batch
from services.scorer.planner.tree import IntArray

Index: TypeAlias = slice | torch.Tensor
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Segment:
    """A chain of tokens: ``length`` of them from ``start`` on in the batch, below ``depth`` others.

    Attributes:
        path: which of the layout's paths is above; negative where nothing is.
    """

    start: int
    length: int
    depth: int
    path: int

    @property
    def end(self) -> int:
        """After its last token."""
        return self.start + self.length


@dataclass(slots=True)
class TreeLayout:
    """What is above what in one batch.

    Attributes:
        segments: in order; they cover the batch's tokens.
        paths: indices of keys, root first, for every path that is above a segment.
        num_kept: keys before the batch's own.
        device: where indices are made.
    """

    segments: tuple[Segment, ...]
    paths: tuple[IntArray, ...]
    num_kept: int
    device: torch.device
    _made: dict[object, object] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: Batch, device: torch.device) -> TreeLayout:
        """The layout of a planned batch."""
        parts = batch.segments
        columns = (parts.starts, parts.lengths, parts.depths, parts.prefixes)
        segments = tuple(Segment(*row) for row in zip(*(column.tolist() for column in columns), strict=True))
        return cls(segments, batch.prefixes, batch.num_kept, device)

    def once(self, key: object, make: Callable[[], _T]) -> _T:
        """What ``make`` gives: made at the first layer that asks with this key, the same for all others."""
        if key not in self._made:
            self._made[key] = make()
        made: _T = self._made[key]  # type: ignore[assignment]
        return made

    def index(self, indices: IntArray) -> Index:
        """Indices for a tensor's dimension: a slice, which copies nothing, where they are consecutive."""
        if len(indices) and indices[-1] - indices[0] == len(indices) - 1 and (np.diff(indices) == 1).all():
            return slice(int(indices[0]), int(indices[-1]) + 1)
        return torch.from_numpy(indices).to(self.device)

    def above(self, segment: Segment) -> IntArray:
        """Indices of the keys above a segment, root first."""
        return self.paths[segment.path] if segment.path >= 0 else np.empty(0, np.int64)


def is_narrowed(segment: Segment, window: int | None) -> bool:
    """Whether some token of the segment does not see all that is above it."""
    return window is not None and segment.depth + segment.length > window


def blocks(start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """``[start, end)`` in parts of at most ``size``."""
    for first in range(start, end, size):
        yield first, min(first + size, end)
