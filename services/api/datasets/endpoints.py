"""The routes of data sets: what comes in and goes out; what it means is in ``service``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.requests import ClientDisconnect

from pmpo.contracts.datasets import MAX_PAGE_DATASETS, MAX_PAGE_ROWS, DatasetsPage, DatasetView
from pmpo.errors import InvalidInputError
from services.api.callers import Reader, Submitter
from services.api.deps import DatasetStore

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])
JSON_LINES = {
    "requestBody": {
        "required": True,
        "description": "JSON lines: one row, a JSON object, a line; in UTF-8, not compressed",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}


@router.post("", status_code=201, openapi_extra=JSON_LINES, responses={200: {"model": DatasetView}})
async def create_dataset(
    request: Request,
    response: Response,
    caller: Submitter,
    datasets: DatasetStore,
    name: Annotated[str, Query(max_length=200, description="what lists call it")] = "",
) -> DatasetView:
    """Store rows. The same rows again are the same data set: 200, and 201 for a new one."""
    _refuse_other_forms(request)
    view, is_new = await datasets.create(caller.project, name, _pieces(request))
    response.headers["location"] = f"/v1/datasets/{view.id}"
    if not is_new:
        response.status_code = 200
    return view


@router.get("")
async def list_datasets(
    caller: Reader,
    datasets: DatasetStore,
    cursor: Annotated[int | None, Query(ge=0, le=2**53, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_DATASETS)] = 50,
) -> DatasetsPage:
    """Data sets, newest first, in pages; and the limits of a data set."""
    return await datasets.newest(caller.project, cursor, limit)


@router.get("/{dataset_id}")
async def get_dataset(
    dataset_id: str,
    caller: Reader,
    datasets: DatasetStore,
    rows: Annotated[int, Query(ge=0, le=MAX_PAGE_ROWS, description="so many rows with it")] = 0,
    offset: Annotated[int, Query(ge=0, le=2**53, description="from this row (from 0) on")] = 0,
) -> DatasetView:
    """What is known of a data set; with ``rows``, some of its rows."""
    if rows:
        return await datasets.with_rows(caller.project, dataset_id, offset, rows)
    return await datasets.get(caller.project, dataset_id)


@router.delete("/{dataset_id}", status_code=204)
async def delete_dataset(dataset_id: str, caller: Submitter, datasets: DatasetStore) -> None:
    """Delete a data set that nothing needs any more."""
    await datasets.delete(caller.project, dataset_id)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise InvalidInputError("the body broke off before its end, so nothing was stored; send it again") from None


def _refuse_other_forms(request: Request) -> None:
    """Forms would be read as one broken line; name what is meant instead."""
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent.startswith("multipart/"):
        raise InvalidInputError(
            "the body is a form; send the rows themselves as JSON lines, with curl: --data-binary @rows.jsonl "
            "-H 'content-type: application/x-ndjson'"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidInputError("the body is compressed; send JSON lines as they are")
