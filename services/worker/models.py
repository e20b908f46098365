"""The models that jobs name, at the operator's endpoints and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pmpo.optim.ports import Generator, Scorer
from pmpo.optim.types import ModelIdentity, Prices
from pmpo.remote.generator import GeneratorClient
from pmpo.remote.prices import prices_of
from pmpo.remote.scorer import ScorerClient
from pmpo.runtime.endpoints import Endpoint, endpoint


class IdentifiedScorer(Scorer, Protocol):
    """A scorer that says what its scores come from."""

    @property
    def identity(self) -> ModelIdentity | None:
        """None before the first answer."""
        ...


class Models(Protocol):
    """Scorers and generators by the names that jobs use."""

    def scorer(self, name: str, identity: ModelIdentity | None) -> IdentifiedScorer:
        """One job's scorer; every answer must come from ``identity``, if there is one already."""
        ...

    def generator(self, name: str) -> Generator:
        """A generator."""
        ...

    def prices(self, target: str, rewriter: str) -> Prices | None:
        """What both cost; None where that is not known."""
        ...


class RemoteModels:
    """Models over HTTP."""

    def __init__(
        self,
        table: Mapping[str, Endpoint],
        connect_scorer: Callable[..., ScorerClient],
        connect_generator: Callable[..., GeneratorClient],
    ) -> None:
        """``table``: the operator's endpoints; the others make a client of a row, over the process's connections."""
        self._table = table
        self._connect_scorer = connect_scorer
        self._connect_generator = connect_generator

    def scorer(self, name: str, identity: ModelIdentity | None) -> ScorerClient:
        """One job's scorer. Raises InvalidInputError: unknown name; ConfigurationError: key not set."""
        row = endpoint(self._table, name)
        return self._connect_scorer(row, key=row.key(), identity=identity)

    def generator(self, name: str) -> GeneratorClient:
        """A generator. Raises as ``scorer`` does."""
        row = endpoint(self._table, name)
        return self._connect_generator(row, key=row.key())

    def prices(self, target: str, rewriter: str) -> Prices | None:
        """What both cost. Raises InvalidInputError: unknown name."""
        return prices_of(self._table, target, rewriter)
