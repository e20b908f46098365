"""Liveness and readiness."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from pmpo.errors import PmpoError, UnavailableError
from services.store.store import Store


class Probe(Protocol):
    """Something that answers a cheap question, or raises."""

    async def ask(self) -> None:
        """Raises: PmpoError: it does not answer as it should."""
        ...


class Health:
    """Whether the API can do its work: Redis and every scorer answer."""

    def __init__(self, store: Store, scorers: Mapping[str, Probe]) -> None:
        self._store = store
        self._scorers = scorers

    async def check(self) -> list[str]:
        """What was found to be there, by name.

        Raises:
            UnavailableError: names everything that is not there.
        """
        asked = {"redis": self._store.ping(), **{f"scorer {name}": each.ask() for name, each in self._scorers.items()}}
        answers = await asyncio.gather(*asked.values(), return_exceptions=True)
        missing = []
        for name, answer in zip(asked, answers, strict=True):
            if isinstance(answer, PmpoError):
                missing.append(f"{name}: {answer.message}")
            elif isinstance(answer, BaseException):
                raise answer
        if missing:
            raise UnavailableError(f"not ready: {'; '.join(missing)}")
        return list(asked)
