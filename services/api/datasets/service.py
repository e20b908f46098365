"""What the routes of data sets mean: store, list, show, delete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

from pmpo.contracts.datasets import DatasetLimits, DatasetsPage, DatasetView
from pmpo.contracts.jobdata import Row, is_dataset_id
from pmpo.contracts.jobs import FINAL_STATES
from pmpo.data.rows import parse_row
from pmpo.errors import NotFoundError
from services.api.datasets.upload import FIELDS, store_rows
from services.store.datasets import Meta, no_such_dataset
from services.store.store import Store

JOB_APPEARS_WITHIN_S = 60.0


class DatasetService:
    """Data sets as the API's callers see them."""

    def __init__(self, store: Store, limits: DatasetLimits) -> None:
        self._store = store
        self.limits = limits

    async def create(self, project: str, name: str, body: AsyncIterator[bytes]) -> tuple[DatasetView, bool]:
        """Store a body of JSON lines; whether it is new. See ``store_rows``."""
        dataset_id, is_new = await store_rows(self._store, project, name, body, self.limits)
        return await self.get(project, dataset_id), is_new

    async def newest(self, project: str, cursor: int | None, limit: int) -> DatasetsPage:
        """Data sets, newest first; ``cursor`` is the ``next`` of the page before."""
        found = await self._store.datasets.newest(project, cursor, limit + 1)
        page = found[:limit]
        following = int(page[-1]["number"]) if len(found) > limit else None
        return DatasetsPage(datasets=[_view(meta) for meta in page], next=following, limits=self.limits)

    async def get(self, project: str, dataset_id: str) -> DatasetView:
        """What is told of one data set. Raises NotFoundError."""
        return _view(await self._meta(project, dataset_id))

    async def with_rows(self, project: str, dataset_id: str, offset: int, limit: int) -> DatasetView:
        """The same with ``limit`` of its rows from row ``offset`` on. Raises NotFoundError."""
        view = await self.get(project, dataset_id)
        lines = await self._store.datasets.lines(project, dataset_id, offset, limit)
        end = offset + len(lines)
        return view.model_copy(
            update={
                "rows": await asyncio.to_thread(_rows, lines, dataset_id),
                "next": end if lines and end < view.num_rows else None,
            }
        )

    async def delete(self, project: str, dataset_id: str) -> None:
        """Delete a data set that no job under way and no schedule needs.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: something needs it, which is named.
        """
        await self._meta(project, dataset_id)
        users = await self._store.datasets.users(project, dataset_id)
        ended = [user for user, since in users.items() if await self._has_ended(user, since)]
        await self._store.datasets.delete(project, dataset_id, ended)

    async def _has_ended(self, user: str, since: float) -> bool:
        """Whether a user is a job that is over, or that was never saved."""
        kind, _, job_id = user.partition(":")
        if kind != "job":
            return False
        try:
            return await self._store.jobs.state(job_id) in FINAL_STATES
        except NotFoundError:
            return time.time() - since > JOB_APPEARS_WITHIN_S

    async def _meta(self, project: str, dataset_id: str) -> Meta:
        if not is_dataset_id(dataset_id):
            raise no_such_dataset(dataset_id)
        return await self._store.datasets.get(project, dataset_id)


async def stored_rows(store: Store, project: str, dataset_id: str) -> list[Row]:
    """All rows of a data set. Raises NotFoundError: there is none of that id in the project."""
    return await asyncio.to_thread(_rows, await store.datasets.all_lines(project, dataset_id), dataset_id)


def _rows(lines: Sequence[bytes], label: str) -> list[Row]:
    return [parse_row(line.decode(), label, number) for number, line in enumerate(lines, start=1)]


def _view(meta: Meta) -> DatasetView:
    return DatasetView(
        id=meta["id"],
        name=meta["name"],
        sha256=meta["sha256"],
        num_rows=int(meta["num_rows"]),
        num_bytes=int(meta["num_bytes"]),
        num_duplicates=int(meta["num_duplicates"]),
        created_at=float(meta["created_at"]),
        fields=FIELDS.validate_json(meta["fields"]),
    )
