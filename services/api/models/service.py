"""What the scorers serve, asked for now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from pmpo.contracts.jobs import ModelView
from pmpo.contracts.models import ModelsView, NamedModelView
from pmpo.errors import PmpoError
from pmpo.remote.answers import ServedModel
from pmpo.runtime.endpoints import Endpoint


class AsksModel(Protocol):
    """The part of a scorer's client that asks for the model."""

    async def ask_model(self) -> ServedModel:
        """What the scorer serves. Raises PmpoError."""
        ...


class ModelService:
    """The endpoint table with what stands behind it. ``connect`` makes a client that knows of no earlier answer."""

    def __init__(self, table: Mapping[str, Endpoint], connect: Callable[[Endpoint], AsksModel]) -> None:
        self._table = table
        self._connect = connect

    async def served(self) -> ModelsView:
        """Every name of the table; a scorer that does not answer is named with its reason, and fails nothing else."""
        return ModelsView(models=list(await asyncio.gather(*map(self._ask, self._table.values()))))

    async def _ask(self, row: Endpoint) -> NamedModelView:
        try:
            found = (await self._connect(row).ask_model()).identity
        except PmpoError as error:
            return NamedModelView(name=row.name, served=None, problem=error.message)
        view = ModelView(model=found.model, revision=found.revision, dtype=found.dtype, engine=found.engine)
        return NamedModelView(name=row.name, served=view)
