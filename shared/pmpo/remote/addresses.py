"""Replicas behind one name: one is asked as long as it answers, then the next."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32


class Addresses:
    """Base addresses of servers that serve the same model. ``job`` spreads jobs over them; a job stays with one."""

    def __init__(self, urls: Sequence[str], job: str | None = None) -> None:
        self._urls = tuple(urls)
        self._place = crc32((job or "").encode()) % len(self._urls)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._urls)

    @property
    def current(self) -> str:
        """Who is asked next."""
        return self._urls[self._place]

    def leave(self, url: str) -> None:
        """Ask another from now on. Calls that were under way fail too: only the first of them counts."""
        if url == self.current:
            self._place = (self._place + 1) % len(self._urls)
