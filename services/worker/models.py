"""The models that jobs name, at the operator's endpoints and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pmpo.contracts.scoring import TemplateValue
from pmpo.optim.ports import Generator
from pmpo.optim.several import IdentifiedScorer, SeveralScorers
from pmpo.optim.types import ModelIdentity
from pmpo.remote.generator import GeneratorClient
from pmpo.runtime.endpoints import Endpoint, endpoint

Arguments = Mapping[str, TemplateValue]


class Models(Protocol):
    """Scorers and generators by the names that jobs use; ``arguments`` are for their chat templates."""

    def scorer(self, name: str, identity: ModelIdentity | None, arguments: Arguments) -> IdentifiedScorer:
        """One job's scorer; every answer must come from ``identity``, if there is one already."""
        ...

    def generator(self, name: str, arguments: Arguments) -> Generator:
        """A generator."""
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

    def scorer(self, name: str, identity: ModelIdentity | None, arguments: Arguments) -> IdentifiedScorer:
        """One job's scorer. Raises InvalidInputError: unknown name; ConfigurationError: key not set."""
        row = endpoint(self._table, name)
        return self._connect_scorer(row, key=row.key(), identity=identity, chat_template_kwargs=arguments)

    def generator(self, name: str, arguments: Arguments) -> GeneratorClient:
        """A generator. Raises as ``scorer`` does."""
        row = endpoint(self._table, name)
        return self._connect_generator(row, key=row.generate_key(), chat_template_kwargs=arguments)


def scorer_of(
    models: Models, arguments: Mapping[str, Arguments], names: Sequence[str], identities: Sequence[ModelIdentity]
) -> IdentifiedScorer:
    """The scorer of a job with one target, or with several, whose journal began with ``identities`` (or is empty).

    ``arguments``: for each target's chat template, by its name.
    """
    known: Sequence[ModelIdentity | None] = identities or [None] * len(names)
    scorers = [models.scorer(name, identity, arguments[name]) for name, identity in zip(names, known, strict=True)]
    return scorers[0] if len(scorers) == 1 else SeveralScorers(scorers)
