"""A job's rows: those of stored data sets are read here, and every set gets the name that its content has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pmpo.contracts.jobdata import JobData, SetName
from pmpo.contracts.jobs import JobSpec
from pmpo.data.rows import content_id
from services.api.datasets.service import stored_rows
from services.store.store import Store


class JobRows:
    """Rows for jobs out of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def fill(self, project: str, spec: JobSpec) -> JobSpec:
        """The job with the rows of its stored data sets in it.

        Raises:
            NotFoundError: a data set that the project does not have.
        """
        if not spec.dataset.ids:
            return spec
        rows = {name: await stored_rows(self._store, project, found) for name, found in spec.dataset.ids.items()}
        return spec.model_copy(update={"dataset": spec.dataset.with_rows(rows)})

    async def hold(self, project: str, spec: JobSpec, job_id: str) -> None:
        """Keep the job's data sets from being deleted until it is over. Raises NotFoundError: one is gone already."""
        if spec.dataset.ids:
            await self._store.datasets.hold(project, list(spec.dataset.ids.values()), f"job:{job_id}")


async def content_ids(data: JobData) -> Mapping[SetName, str]:
    """The id that each given set has by its content."""
    return await asyncio.to_thread(_content_ids, data)


def _content_ids(data: JobData) -> Mapping[SetName, str]:
    sets: dict[SetName, list[dict[str, object]] | None] = {
        "train": data.train,
        "validation": data.validation,
        "test": data.test,
    }
    return {name: data.ids.get(name) or content_id(rows) for name, rows in sets.items() if rows is not None}
