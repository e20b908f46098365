"""Runners-up: a small pool of known good candidates, from which a search that is stuck goes on."""

from __future__ import annotations

from pmpo.optim.events import Candidate

POOL_SIZE = 5


class RunnersUp:
    """Candidates that were scored on all training examples and lost to a better one, the lowest losses."""

    def __init__(self, size: int = POOL_SIZE) -> None:
        self._size = size
        self._pool: list[tuple[float, Candidate]] = []

    def __len__(self) -> int:
        return len(self._pool)

    def offer(self, candidate: Candidate, train_loss: float) -> None:
        """Keep ``candidate`` if it is among the best; ties go to the earlier one."""
        self._pool.append((train_loss, candidate))
        self._pool.sort(key=lambda entry: (entry[0], entry[1].id))
        del self._pool[self._size :]

    def try_take(self) -> Candidate | None:
        """The best of them, which then is in the pool no more; None when there is none."""
        return self._pool.pop(0)[1] if self._pool else None
