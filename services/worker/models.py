"""The models that jobs name, at the operator's endpoints and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pmpo.optim.ports import Generator
from pmpo.optim.several import IdentifiedScorer, SeveralScorers
from pmpo.optim.types import ModelIdentity, Prices
from pmpo.remote.generator import GeneratorClient
from pmpo.remote.prices import prices_of
from pmpo.runtime.endpoints import Endpoint, endpoint


class Models(Protocol):
    """Scorers and generators by the names that jobs use."""

    def scorer(self, name: str, identity: ModelIdentity | None) -> IdentifiedScorer:
        """One job's scorer; every answer must come from ``identity``, if there is one already."""
        ...

    def generator(self, name: str) -> Generator:
        """A generator."""
        ...

    def prices(self, target: str | Sequence[str], rewriter: str) -> Prices | None:
        """What they cost; None where that is not known."""
        ...


class RemoteModels:
    """Models over HTTP."""

    def __init__(
        self,
        table: Mapping[str, Endpoint],
        connect_scorer: Callable[..., IdentifiedScorer],
        connect_generator: Callable[..., GeneratorClient],
    ) -> None:
        """``table``: the operator's endpoints; the others make a client of a row, over the process's connections."""
        self._table = table
        self._connect_scorer = connect_scorer
        self._connect_generator = connect_generator

    def scorer(self, name: str, identity: ModelIdentity | None) -> IdentifiedScorer:
        """One job's scorer. Raises InvalidInputError: unknown name; ConfigurationError: key not set."""
        row = endpoint(self._table, name)
        return self._connect_scorer(row, key=row.key(), identity=identity)

    def generator(self, name: str) -> GeneratorClient:
        """A generator. Raises as ``scorer`` does."""
        row = endpoint(self._table, name)
        return self._connect_generator(row, key=row.key())

    def prices(self, target: str | Sequence[str], rewriter: str) -> Prices | None:
        """What they cost. Raises InvalidInputError: unknown name."""
        return prices_of(self._table, target, rewriter)


def scorer_of(models: Models, names: Sequence[str], identities: Sequence[ModelIdentity]) -> IdentifiedScorer:
    """The scorer of a job with one target, or with several, whose journal began with ``identities`` (or is empty)."""
    known: Sequence[ModelIdentity | None] = identities or [None] * len(names)
    scorers = [models.scorer(name, identity) for name, identity in zip(names, known, strict=True)]
    return scorers[0] if len(scorers) == 1 else SeveralScorers(scorers)
