"""The data set routes, written once: ``Client`` and ``AsyncClient`` are two faces of these coroutines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from pmpo.client.answers import read
from pmpo.client.calls import Call
from pmpo.client.exchange import Exchange
from pmpo.client.paths import path_of
from pmpo.client.rows import Data, packed, rows_of
from pmpo.contracts.datasets import DatasetsPage, DatasetView
from pmpo.data.mapping import renamed
from pmpo.data.sampling import sample_stream
from pmpo.errors import InvalidInputError, NotFoundError


class StoredDataset(DatasetView):
    """What was stored, and how it came about.

    Attributes:
        num_read: rows that the data held, of which a sample has fewer.
        is_new: whether these rows were not stored before.
    """

    num_read: int
    is_new: bool


class DatasetCalls:
    """Stored data sets of one API."""

    _exchange: Exchange
    _timeout_s: float

    async def create_dataset(
        self,
        data: Data,
        *,
        name: str = "",
        fields: Mapping[str, str] | None = None,
        sample: int | None = None,
        seed: int = 0,
    ) -> StoredDataset:
        """Store rows. The same rows again are the same data set, and are not sent a second time.

        Args:
            data: the path of a file (``.jsonl``, ``.json``, ``.csv``, ``.tsv``, ``.parquet``), rows, a pandas DataFrame
                or a ``datasets.Dataset``. It is read once, and no more is held than is stored. ``AsyncClient`` reads it
                in a thread, while the event loop goes on; an iterator of the caller's own is read in the calling one.
            name: what lists call it; a name given later replaces an earlier one.
            fields: new key -> key in the data, as in a job's ``fields``: ``{"input": "review"}``.
            sample: store so many rows, drawn by ``seed``; however many there are, no more are held.
            seed: which rows are drawn: the ones that ``dataset.sample`` of a job file would take of the same data.

        Raises:
            InvalidDataError: no rows, rows that are none, or more than the API's limits; says what to do.
            InvalidInputError: an object that holds no rows, or a sample that is no number of rows.

        Example::

            stored = client.create_dataset([{"input": "Lovely week in Oslo.", "target": "Oslo"}], name="cities")
            job = JobSpec(prompt="Name the city.", dataset={"train": stored.id})
        """
        limits = (await self.list_datasets(limit=1)).limits
        if sample is not None and (isinstance(sample, bool) or not 1 <= sample <= limits.rows):
            raise InvalidInputError(f"the sample is {sample!r:.60}; give a number of rows from 1 to {limits.rows:,}")

        def read_rows() -> tuple[bytes, str, int | None]:
            rows = rows_of(data)
            if fields:
                rows = renamed(rows, {old: new for new, old in fields.items()})
            if sample is None:
                return *packed(rows, limits), None
            drawn = sample_stream(rows, sample, seed)
            return *packed(drawn.rows, limits), drawn.num_seen

        body, dataset_id, num_seen = read_rows() if isinstance(data, Iterator) else await self._exchange.work(read_rows)
        known = await self._find(dataset_id)
        if known is not None and name in ("", known.name):
            return _stored(known, num_seen, is_new=False)
        headers, query = {"content-type": "application/x-ndjson"}, {"name": name} if name else {}
        call = Call(
            "POST", "/v1/datasets", self._timeout_s, is_repeatable=True, query=query, headers=headers, body=body
        )
        answer = await self._exchange.send(call)
        return _stored(read(DatasetView, answer), num_seen, is_new=answer.status == HTTPStatus.CREATED)

    async def get_dataset(self, dataset_id: str, *, rows: int = 0, offset: int = 0) -> DatasetView:
        """What is known of a data set; with ``rows``, so many of its rows from row ``offset`` (from 0) on.

        Raises:
            NotFoundError: there is no such data set.
        """
        query = {"rows": str(rows), "offset": str(offset)} if rows else {}
        call = Call("GET", _path(dataset_id), self._timeout_s, is_repeatable=True, query=query)
        return read(DatasetView, await self._exchange.send(call))

    async def list_datasets(self, *, cursor: int | None = None, limit: int | None = None) -> DatasetsPage:
        """Data sets, newest first, and the API's limits; ``cursor`` is ``next`` of the page before."""
        asked = {"cursor": cursor, "limit": limit}
        query = {key: str(value) for key, value in asked.items() if value is not None}
        call = Call("GET", "/v1/datasets", self._timeout_s, is_repeatable=True, query=query)
        return read(DatasetsPage, await self._exchange.send(call))

    async def delete_dataset(self, dataset_id: str) -> None:
        """Delete a data set.

        Raises:
            NotFoundError: there is no such data set.
            ConflictError: a job under way or a schedule needs it; says which.
        """
        await self._exchange.send(Call("DELETE", _path(dataset_id), self._timeout_s, is_repeatable=False))

    async def _find(self, dataset_id: str) -> DatasetView | None:
        try:
            return await self.get_dataset(dataset_id)
        except NotFoundError:
            return None


def _stored(view: DatasetView, num_seen: int | None, *, is_new: bool) -> StoredDataset:
    num_read = view.num_rows if num_seen is None else num_seen
    return StoredDataset(**dict(view), num_read=num_read, is_new=is_new)


def _path(dataset_id: str) -> str:
    return path_of("datasets", dataset_id, "the data set's id is empty; give one that `pmpo datasets list` prints")
