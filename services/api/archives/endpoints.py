"""The routes of export and import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from pmpo.contracts.upkeep import ImportReport
from pmpo.runs.archive import MEDIA_TYPE
from services.api.callers import Admin
from services.api.deps import Archives

IMPORT_PATH = "/v1/import"
_CONTENT = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": _CONTENT}}
router = APIRouter(tags=["upkeep"])


@router.get("/v1/export", response_class=StreamingResponse, responses={200: {"content": _CONTENT}})
async def export_project(caller: Admin, archives: Archives) -> StreamingResponse:
    """All that the caller's project has, as one file."""
    pieces = archives.export(caller.project)
    first = await anext(pieces)
    second = await anext(pieces)  # a store that does not answer is a problem document, not a file that breaks off
    headers = {"content-disposition": f'attachment; filename="pmpo-{caller.project}.tar.gz"'}
    return StreamingResponse(_joined(first + second, pieces), media_type=MEDIA_TYPE, headers=headers)


@router.post(IMPORT_PATH, openapi_extra=_BODY)
async def import_project(request: Request, caller: Admin, archives: Archives) -> ImportReport:
    """Restore what an export holds and the caller's project does not have."""
    return await archives.restore(caller.project, request.stream())


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        if piece:
            yield piece
