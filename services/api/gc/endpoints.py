"""The route that clears away."""

from __future__ import annotations

from fastapi import APIRouter

from pmpo.contracts.upkeep import GcReport, GcRequest
from services.api.callers import Admin
from services.api.deps import Clearing

router = APIRouter(prefix="/v1/gc", tags=["upkeep"])


@router.post("")
async def clear_away(asked: GcRequest, caller: Admin, clearing: Clearing) -> GcReport:
    """Say what would go; with ``confirm``, delete it."""
    return await clearing.run(caller.project, asked)
